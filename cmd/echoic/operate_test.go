package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
)

// site is an application that runs in this process, and the variables with which
// the command line finds it.
type site struct {
	app     *echoic.App
	handler http.Handler
	vars    []string
}

// hostile is a value that steers terminals that obey it.
const hostile = "quote\x1b[2J\u202eevil"

func startSite(t *testing.T, vars ...string) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "a") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	cfg := echoic.DefaultConfig()
	cfg.AdminSocket, cfg.SessionDatabase, cfg.CacheStoreBudget, cfg.RedisSocketTimeout = socket, filepath.Join(dir, "sessions.db"), 10*time.Second, 10*time.Second
	vars = append(vars, "ADMIN_SOCKET="+socket, "SESSION_DATABASE="+cfg.SessionDatabase)
	for _, v := range vars {
		switch name, value, _ := strings.Cut(v, "="); name {
		case "REDIS_URL":
			cfg.RedisURL = value
		case "DATABASE_URL":
			cfg.DatabaseURL = value
		case "CACHE_PREFIX":
			cfg.CachePrefix = value
		}
	}
	app, err := echoic.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Close() })
	handler := app.Pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cache.ScopeOf(r.Context()).Tag("quotes")
		switch r.URL.Path {
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "/sitemap.xml":
			w.Header().Set("Content-Type", "application/xml")
			_, _ = fmt.Fprint(w, `<urlset><url><loc>http://example.org/three</loc></url><url><loc>http://example.org/four</loc></url><url><loc>http://elsewhere.test/</loc></url></urlset>`)
			return
		case "/panics":
			panic("a test")
		case "/mine":
			cache.Private(r.Context(), "test")
		}
		_, _ = fmt.Fprintf(w, "<p>page %s", r.URL.Path)
	}))
	if err := app.ServeAdmin(t.Context(), handler); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the socket: %v, %v", info, err)
	}
	if _, err := cache.Of[string](app.Cache).Set(t.Context(), hostile, "a value with \x1b[31m in it"); err != nil {
		t.Fatal(err)
	}
	return &site{app, handler, vars}
}

// ask sends the site a request.
func ask(t *testing.T, s *site, url string) {
	t.Helper()
	s.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, url, nil))
}

// run runs a command, which has to end with the code and print the parts.
func (s *site) run(t *testing.T, code int, args string, parts ...string) string {
	t.Helper()
	got, out, errs := program(t, s.vars, strings.Fields(args)...)
	if got != code {
		t.Errorf("echoic %s: exit %d, want %d\n%s%s", args, got, code, out, errs)
	}
	for _, part := range parts {
		if !strings.Contains(out+errs, part) {
			t.Errorf("echoic %s: %q is missing in\n%s%s", args, part, out, errs)
		}
	}
	if strings.ContainsAny(out+errs, "\x1b\u202e") {
		t.Errorf("echoic %s lets a value steer the terminal:\n%q", args, out+errs)
	}
	if strings.Contains(args, "--json") && code == exitOK && !json.Valid([]byte(out)) {
		t.Errorf("echoic %s: no JSON:\n%s", args, out)
	}
	return out
}

const home = "http://example.org/quotes"

// Every command, asked of a running application.
func TestOperateApplication(t *testing.T) {
	t.Parallel()
	for name, vars := range map[string]func(t *testing.T) []string{
		"memory": func(*testing.T) []string { return nil },
		"redis": func(t *testing.T) []string {
			r := testenv.Redis(t)
			return []string{"REDIS_URL=" + r.URL, "CACHE_PREFIX=" + r.Prefix, "DATABASE_URL=" + testenv.Postgres(t).Database(t)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, vars(t)...)
			s.run(t, 0, "warm "+home+" http://example.org/two", "2 pages, 0 failed")
			s.run(t, 0, "warm http://example.org", "200", "1 pages, 0 failed") // the home page
			s.run(t, 0, "warm --sitemap http://example.org/sitemap.xml --rate 1000 http://example.org/five", "example.org/five", "example.org/three", "example.org/four", "3 pages, 0 failed")
			s.run(t, 0, "explain http://example.org/four", "served from the store")
			s.run(t, 1, "warm --sitemap http://example.org/two", "sitemap")
			s.run(t, 2, "warm --sitemap /sitemap.xml", "give scheme, host and path")
			s.run(t, 1, "warm http://example.org/panics", "panicked", "1 failed")
			s.run(t, 1, "warm http://example.org/broken ftp://example.org/", "500", "give scheme, host and path", "2 failed")
			s.run(t, 0, "stats", "requests", "cache in "+name)
			s.run(t, 0, "stats --json", `"requests": `)
			s.run(t, 0, "keys", `quote\x1b[2J\u202eevil`, "page")
			s.run(t, 0, "keys --json *evil*", `"kind": "value"`)
			s.run(t, 0, "get "+home, "page "+home, "<p>page /quotes", "status")
			s.run(t, 0, "get --json "+home, `"current": true`)
			s.run(t, 0, "ttl "+home, "m")
			s.run(t, 1, "ttl nothing-of-that-name", "nothing is stored")
			s.run(t, 0, "explain "+home+"?b=2&a=1", "uri-miss", "key: query", "a=1&b=2")
			s.run(t, 0, "explain "+home, "hit", "served from the store", "key: host", "example.org", "by the default TTL", "age", "tier", "tags", "quotes")
			s.run(t, 0, "warm http://example.org/mine")
			s.run(t, 0, "explain http://example.org/mine", "private-scope", "operate_test.go:", "startSite")
			s.run(t, 0, "explain --json http://example.org/mine", `"code": "`)
			s.run(t, 0, "purge --tag quotes --dry-run", "Dry run", "carries the tag")
			s.run(t, 0, "explain "+home, "hit")
			s.run(t, 1, "purge --tag quotes", "Nothing was changed")
			s.run(t, 0, "purge --tag quotes --yes", "Purged tag quotes")
			if out := s.run(t, 0, "explain "+home); strings.Contains(out, ": hit") {
				t.Errorf("after the purge:\n%s", out)
			}
			s.run(t, 0, "warm "+home)
			s.run(t, 0, "purge --url "+home+" --yes --json", `"by": "url"`)
			if out := s.run(t, 0, "explain --json "+home); strings.Contains(out, `"reason": "hit"`) {
				t.Errorf("after the purge of the URL:\n%s", out)
			}
			for range 2000 { // one hit in 64 is counted
				ask(t, s, "http://example.org/four")
			}
			s.run(t, 0, "purge --url http://example.org/four --yes")
			s.run(t, 0, "warm --top 1 --json", `"url": "http://example.org/four"`)
			s.run(t, 0, "explain http://example.org/four", "served from the store")
		})
	}
}

// The same without an application: the stores are read.
func TestOperateStores(t *testing.T) {
	t.Parallel()
	r := testenv.Redis(t)
	s := startSite(t, "REDIS_URL="+r.URL, "CACHE_PREFIX="+r.Prefix, "DATABASE_URL="+testenv.Postgres(t).Database(t))
	s.run(t, 0, "warm "+home)
	login(t, s.app, "anna")
	login(t, s.app, "anna")
	s.run(t, 0, "sessions list anna", "2 sessions")
	if err := s.app.Close(); err != nil {
		t.Fatal(err)
	}
	s.run(t, 0, "keys", "no application answers", "reading the stores", "page")
	s.run(t, 0, "get "+home, "<p>page /quotes")
	s.run(t, 0, "stats", "entries")
	s.run(t, 3, "warm "+home, "no application answers")
	s.run(t, 0, "purge --tag quotes --yes", "Purged")
	if out := s.run(t, 0, "explain "+home); strings.Contains(out, ": hit") {
		t.Errorf("after the purge:\n%s", out)
	}
	s.run(t, 1, "sessions revoke anna", "2 of 2 sessions", "Nothing was changed")
	s.run(t, 0, "sessions revoke anna --yes", "2 sessions ended")
	s.run(t, 0, "sessions list anna --json", "[]")
	s.run(t, 0, "sessions clear-expired", "gone")
	s.run(t, 0, "latency -n 5", "redis "+r.Addr, "p99")
	s.run(t, 0, "latency --json", `"p99_ns"`)
}

// login begins a session as a request would.
func login(t *testing.T, app *echoic.App, user string) {
	t.Helper()
	ctx, err := app.Sessions.Load(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Sessions.Login(ctx, user); err != nil {
		t.Fatal(err)
	}
	if _, _, err := app.Sessions.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if app.Sessions.Status(ctx) == scs.Destroyed {
		t.Fatal("the session has ended")
	}
}

func TestOperateBadInput(t *testing.T) {
	t.Parallel()
	s := &site{vars: []string{"REDIS_URL=" + testenv.Redis(t).URL}}
	s.run(t, 2, "purge", "nothing to purge", "--tag")
	s.run(t, 2, "purge --tag=", "--tag is empty")
	s.run(t, 2, "purge --tag x --json", "--yes")
	s.run(t, 2, "explain nonsense", "scheme and host")
	s.run(t, 2, "purge --url not-a-url --yes", "http://example.org/path")
	s.run(t, 2, "stats --interval 1ms", "at least 1s")
	s.run(t, 2, "warm", "--sitemap")
	s.run(t, 2, "warm --top 300", "1 to 256")
	s.run(t, 2, "warm --top 3 --rate 0", "--rate")
	s.run(t, 3, "warm "+home, "ADMIN_SOCKET")
	s.run(t, 0, "version", "echoic ")
	away := &site{vars: []string{"REDIS_URL=redis://" + testenv.RefusedAddr(t)}}
	away.run(t, 3, "keys", "cannot be reached")
	away.run(t, 3, "latency", "redis")
	memory := &site{}
	memory.run(t, 3, "keys", "own memory", "ADMIN_SOCKET")
	bad := &site{vars: []string{"ADMIN_SOCKET=0.0.0.0:9090", "ADMIN_TOKEN=long-enough-to-be-a-token"}}
	bad.run(t, 2, "stats", "ADMIN_SOCKET", "not loopback")
}
