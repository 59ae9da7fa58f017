package session

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/echoic-go/echoic/cache"
)

// Config is what a [Manager] is made of. Only Store is required.
type Config struct {
	// Store keeps the sessions. The manager does not close it: who opened it
	// does.
	Store Store
	// Journal is where it is written that a session has ended before its store
	// is told: a store that comes back with old data, a Redis that restarts
	// from an old dump for example, is told again. Without a reachable journal
	// nobody can log out or renew a token: 503. Defaults to none, for stores
	// that lose nothing.
	Journal cache.Journal
	// Lifetime is how long a session lives at most, however busy. Positive.
	// Defaults to 24 h.
	Lifetime time.Duration
	// IdleTimeout ends a session that was not touched for so long. Zero: only
	// Lifetime counts. A request that does not touch the session does not
	// extend it; one that does writes to the store only if a tenth of
	// IdleTimeout has passed since the last time.
	IdleTimeout time.Duration
	// Cookie says what the cookie looks like.
	Cookie Cookie
	// Codec turns sessions into bytes. Defaults to [CBOR], which knows the
	// types that scs has getters for; scs.GobCodec{} is for data of an
	// existing scs application.
	Codec scs.Codec
	// Shareable names keys, "locale" for example, whose values may choose between
	// pages and fragments that are shared: what read only these through the
	// Manager's getters is kept once for each value, and given to all visitors
	// who have the same. What read anything else of the session is private. A page
	// cache makes such pages anew in the background, for a visitor of whom only
	// these values are known: touching anything else of the session fails then.
	// Values have to be strings of at most 256 bytes, bools or numbers, and few:
	// never what belongs to one visitor. At most 8 keys. Defaults to none.
	Shareable []string
	// HashTokens keeps SHA-256 hashes instead of tokens in the store, so that
	// who reads the store cannot use what he finds. Switching it ends all
	// sessions. Set it in production.
	HashTokens bool
	// Address returns the client's address of a request, which UserSessions shows;
	// it may believe forwarding headers of proxies that it trusts. Defaults to the
	// peer's address.
	Address func(r *http.Request) string
	// MigrateFrom is where sessions are that an application of before has made. One
	// that is not in Store is taken over from there when its visitor comes, and is
	// then there no more; nothing else is written there. The manager does not close
	// it. Sessions that were written by scs need a Codec that reads gob. Defaults to
	// none.
	MigrateFrom Store
	// Compat says what else was different in that application. The zero value:
	// nothing.
	Compat Compat
	// MaxBytes bounds one encoded session. Defaults to 64 KiB.
	MaxBytes int
	// Timeout bounds each call of the store, and of the journal. Defaults to 2 s.
	Timeout time.Duration
	// StoreBudget is what one request may spend on its session's store, all calls
	// together, and shared with the cache: it is made of the request's
	// cache.Budget where there is one. When it is used up, calls fail at once. A
	// request that goes on for longer gets it anew every 10 s. What a
	// [Deliberate] store changes and the journal are not bound by it, nor is Revoke,
	// nor the moving of a session (MigrateFrom). 1ms to 1m. Defaults to 50 ms.
	StoreBudget time.Duration
	// Logger gets failures of the store and sessions that could not be saved
	// or read, never tokens. Defaults to discarding them.
	Logger *slog.Logger
}

// Cookie is what the session's cookie looks like. It is always HttpOnly.
type Cookie struct {
	// Name defaults to "session". A name that starts with "__Host-" needs
	// Secure, the default Path and no Domain.
	Name string
	// Domain is empty for the host that sets the cookie.
	Domain string
	// Path defaults to "/".
	Path string
	// SameSite defaults to http.SameSiteLaxMode.
	SameSite http.SameSite
	// Secure sends the cookie over https only. Set it in production.
	Secure bool
	// Partitioned is for sites embedded in others (CHIPS). It needs Secure.
	Partitioned bool
	// UntilBrowserCloses leaves the expiry out, so that the browser forgets
	// the cookie when it is closed, except where RememberMe(ctx, true) was
	// called.
	UntilBrowserCloses bool
}

const (
	defaultLifetime = 24 * time.Hour
	defaultMaxBytes = 64 << 10
	defaultTimeout  = 2 * time.Second
	defaultBudget   = 50 * time.Millisecond
	longestBudget   = time.Minute
)

// withDefaults returns a checked copy with every field set.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.Store == nil {
		return cfg, errors.New("session: Config.Store is nil: open one of the stores (sqlite, postgres, redis, memory) and set it")
	}
	setDefault(&cfg.Lifetime, defaultLifetime)
	setDefault(&cfg.MaxBytes, defaultMaxBytes)
	setDefault(&cfg.Timeout, defaultTimeout)
	setDefault(&cfg.StoreBudget, defaultBudget)
	setDefault(&cfg.Cookie.Name, "session")
	setDefault(&cfg.Cookie.Path, "/")
	setDefault(&cfg.Cookie.SameSite, http.SameSiteLaxMode)
	if cfg.Codec == nil {
		cfg.Codec = plainCBOR
	}
	if cfg.Address == nil {
		cfg.Address = remoteHost
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.MaxBytes < 0:
		return cfg, fmt.Errorf("session: Config.MaxBytes is %d: give a positive number of bytes", cfg.MaxBytes)
	case cfg.Timeout < 0:
		return cfg, fmt.Errorf("session: Config.Timeout is %v: give a positive duration", cfg.Timeout)
	case cfg.StoreBudget < time.Millisecond || cfg.StoreBudget > longestBudget:
		return cfg, fmt.Errorf("session: Config.StoreBudget is %v: give a duration from 1ms to %v", cfg.StoreBudget, longestBudget)
	}
	if err := cfg.checkMigration(); err != nil {
		return cfg, err
	}
	return cfg, checkShareable(cfg.Shareable)
}

// maxShareable is as many as caches vary by.
const maxShareable = 8

// checkShareable says which keys cannot be shared.
func checkShareable(keys []string) error {
	if len(keys) > maxShareable {
		return fmt.Errorf("session: Config.Shareable has %d keys: give at most %d", len(keys), maxShareable)
	}
	for _, key := range keys {
		if key == "" || strings.HasPrefix(key, "__") {
			return fmt.Errorf("session: Config.Shareable has %q: give keys of your own, without __ in front, which is for what belongs to one visitor", key)
		}
	}
	return nil
}

// scsCookie is the cookie in the words of scs.
func (c Cookie) scsCookie() scs.SessionCookie {
	return scs.SessionCookie{
		Name: c.Name, Domain: c.Domain, Path: c.Path, SameSite: c.SameSite,
		Secure: c.Secure, Partitioned: c.Partitioned, HttpOnly: true, Persist: !c.UntilBrowserCloses,
	}
}

// checkTimes says what is wrong with the durations of a manager.
func checkTimes(lifetime, idle time.Duration) error {
	switch {
	case lifetime <= 0:
		return fmt.Errorf("session: Lifetime is %v: give a positive duration", lifetime)
	case idle < 0:
		return fmt.Errorf("session: IdleTimeout is %v: give a positive duration, or zero for none", idle)
	}
	return nil
}

// checkCookie says why browsers would refuse the cookie.
func checkCookie(c scs.SessionCookie) error {
	sample := http.Cookie{Name: c.Name, Value: "x", Path: c.Path, Domain: c.Domain, Partitioned: c.Partitioned, Secure: c.Secure}
	if err := sample.Valid(); err != nil {
		return fmt.Errorf("session: cookie %q would not be sent: %w: correct its name, path or domain", c.Name, err)
	}
	name := strings.ToLower(c.Name) // browsers compare prefixes so
	switch {
	case strings.HasPrefix(name, "__host-") && (!c.Secure || c.Path != "/" || c.Domain != ""):
		return fmt.Errorf(`session: cookie %q needs Secure, path "/" and no domain, or browsers drop it: set them or choose a name without __Host-`, c.Name)
	case strings.HasPrefix(name, "__secure-") && !c.Secure:
		return fmt.Errorf("session: cookie %q needs Secure, or browsers drop it: set it or choose a name without __Secure-", c.Name)
	case c.SameSite == http.SameSiteNoneMode && !c.Secure:
		return fmt.Errorf("session: cookie %q with SameSite=None needs Secure, or browsers drop it: set it or use SameSite=Lax", c.Name)
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
