package echoic

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/echoic-go/echoic/internal/sqlconn"
)

// auditApplication is the part of the checklist that needs no server.
func auditApplication(cfg Config, plan Plan) []Finding {
	list := []Finding{auditCookie(cfg, plan), auditHosts(cfg), auditProxies(cfg), auditListen(cfg), auditSecret(cfg), auditRemembering(cfg, plan)}
	return append(list, auditFiles(cfg, plan)...)
}

func application(id string) Finding {
	return Finding{ID: "application." + id, Subject: "application", Severity: SeverityOK}
}

// harsh is the severity of what only production has to have right.
func (cfg Config) harsh() Severity {
	if cfg.Env == Production {
		return SeverityFail
	}
	return SeverityNote
}

func (cfg Config) mild() Severity {
	if cfg.Env == Production {
		return SeverityWarn
	}
	return SeverityNote
}

// auditCookie is about the session's cookie.
func auditCookie(cfg Config, plan Plan) Finding {
	f := application("cookie")
	f.Found = fmt.Sprintf("the session's cookie is %s, HttpOnly, SameSite=Lax", plan.Cookie)
	if plan.Secure {
		f.Found += ", Secure"
	}
	switch {
	case !plan.Secure:
		f.Severity, f.Found = cfg.harsh(), f.Found+", not Secure: over plain http everybody on the way can read it"
		f.Remedy = "set SESSION_COOKIE_SECURE=true, or APP_ENV=production"
	case !strings.HasPrefix(plan.Cookie, "__Host-"):
		f.Severity, f.Found = cfg.harsh(), f.Found+": without __Host- in its name other hosts of the domain can set it"
		f.Remedy = "remove SESSION_COOKIE_NAME, or let it start with __Host-"
	}
	return f
}

// auditHosts is about who decides what host a page is for.
func auditHosts(cfg Config) Finding {
	f := application("hosts")
	if len(cfg.AllowedHosts) == 0 {
		f.Severity, f.Found = cfg.mild(), "ALLOWED_HOSTS is empty: whoever invents host names fills the cache with pages for them, and links in those can lead there"
		f.Remedy = "set ALLOWED_HOSTS to the site's names, as in example.org,www.example.org"
		return f
	}
	f.Found = "pages are kept for " + strings.Join(cfg.AllowedHosts, ", ") + " only"
	return f
}

// widest are the shortest prefixes that can be a network of one's own proxies.
const (
	widest4 = 8
	widest6 = 16
)

// auditProxies is about who may say whose request it is.
func auditProxies(cfg Config) Finding {
	f := application("proxies")
	f.Found = "no proxy is trusted: X-Forwarded-* are hidden from cached pages"
	networks, err := cfg.proxies()
	if err != nil {
		f.Severity, f.Found = SeverityFail, err.Error()
		return f
	}
	if len(networks) > 0 {
		f.Found = "trusted are the proxies at " + strings.Join(cfg.TrustedProxies, ", ")
	}
	for _, n := range networks {
		if tooWide(n) {
			f.Severity, f.Found = SeverityFail, "TRUSTED_PROXIES has "+n.String()+": nearly everybody may say where a request came from, and for which host"
			f.Remedy = "name the addresses of your proxies only"
		}
	}
	return f
}

func tooWide(n netip.Prefix) bool {
	if n.Addr().Is4() {
		return n.Bits() < widest4
	}
	return n.Bits() < widest6
}

// leastVariety is how many different characters a random key of 32 has at least: base64
// of 24 bytes has fewer than 12 once in a hundred million times.
const leastVariety = 12

// auditSecret is about what signs the forms of visitors without a session. That a key
// is long does not make it one that nobody guesses. None is shown.
func auditSecret(cfg Config) Finding {
	f := application("secret")
	f.Found = fmt.Sprintf("%d keys sign the forms of visitors without a session", len(cfg.SecretKeys))
	f.Remedy = "make one with `openssl rand -base64 32` and put it in front: SECRET_KEY=new,old"
	if len(cfg.SecretKeys) == 0 {
		f.Severity, f.Found = cfg.mild(), "SECRET_KEY is empty: App.CSRF is refused in production, and other signatures end with the process"
		if cfg.Env != Production {
			f.Severity, f.Found = SeverityNote, "SECRET_KEY is empty: in development one is made anew at each start"
		}
		return f
	}
	for i, key := range cfg.SecretKeys {
		if problem := guessable(key); problem != "" {
			f.Severity, f.Found = cfg.harsh(), fmt.Sprintf("key %d of SECRET_KEY %s: whoever guesses it forges forms", i+1, problem)
			return f
		}
	}
	return f
}

// guessable says why a key is one that others may think of.
func guessable(key string) string {
	lower := strings.ToLower(key)
	for _, word := range []string{"changeme", "change-me", "change_me", "change me", "secret", "password", "example", "default", "insecure", "12345678", "abcdefgh", "qwertz", "qwerty"} {
		if strings.Contains(lower, word) {
			return fmt.Sprintf("contains %q", word)
		}
	}
	different := map[rune]bool{}
	for _, r := range key {
		different[r] = true
	}
	if len(different) < leastVariety {
		return fmt.Sprintf("has only %d different characters", len(different))
	}
	return ""
}

// auditListen is about the way in.
func auditListen(cfg Config) Finding {
	f := application("listen")
	f.Found = "it listens on " + cfg.Addr
	host, _, err := net.SplitHostPort(cfg.Addr)
	addr, parsed := netip.ParseAddr(host)
	if err != nil || host == "localhost" || parsed == nil && addr.IsLoopback() {
		return f
	}
	f.Severity, f.Found = SeverityNote, f.Found+", which other machines reach"
	f.Remedy = "let only the proxy that speaks https reach it, by a firewall or ADDR=127.0.0.1:8080"
	return f
}

// auditRemembering is about what a Redis forgets.
func auditRemembering(cfg Config, plan Plan) Finding {
	f := application("journal")
	switch {
	case plan.Database != "":
		f.Found = fmt.Sprintf("purges and logouts are in %s before they are acknowledged, for %v", plan.Database, cfg.JournalRetention)
	case plan.Cache == Memory:
		f.Found = "not needed: cache and sessions are this machine's"
	default:
		f.Severity, f.Found = cfg.mild(), "there is no database: a Redis that loses data brings back logged-out sessions and purged pages, and a server that was away hears of no purge"
		f.Remedy = "set DATABASE_URL"
	}
	return f
}

// auditFiles is about the permissions of SQLite's files.
func auditFiles(cfg Config, plan Plan) (list []Finding) {
	var urls []string
	if plan.Database == SQLite {
		urls = append(urls, cfg.DatabaseURL)
	}
	if plan.Sessions == SQLite && cfg.DatabaseURL == "" {
		urls = append(urls, "sqlite:"+cfg.SessionDatabase)
	}
	for _, url := range urls {
		target, err := sqlconn.Parse(url)
		if err != nil || target.Memory() {
			continue
		}
		if info, err := os.Stat(target.Addr()); err == nil {
			list = append(list, auditFile(target.Addr(), info.Mode().Perm()))
		}
	}
	return list
}

func auditFile(path string, mode os.FileMode) Finding {
	f := application("file")
	f.Found = fmt.Sprintf("%s has mode %04o", path, mode)
	if mode&0o077 != 0 {
		f.Severity, f.Found = SeverityWarn, f.Found+": other users of the machine can read the sessions in it"
		f.Remedy = "chmod 600 " + path
	}
	return f
}
