package site_test

import (
	"bufio"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/example-app/internal/site"
	"github.com/echoic-go/echoic/internal/testenv"
)

// An editor adds a quote on one server, and a page that is open on the other hears
// of it, through Redis and through Postgres.
func TestNewQuoteReachesOtherServers(t *testing.T) {
	t.Parallel()
	for name, redis := range map[string]bool{"redis": true, "postgres": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := echoic.DefaultConfig()
			cfg.Env, cfg.CacheStoreBudget = echoic.Production, 10*time.Second
			cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
			cfg.DatabaseURL = testenv.Postgres(t).Database(t)
			cfg.CachePrefix = "motivational_app"
			if redis {
				server := testenv.Redis(t)
				cfg.RedisURL, cfg.CachePrefix = server.URL, server.Prefix
			}
			here, there := newSite(t, cfg, cfg.DatabaseURL), newSite(t, cfg, cfg.DatabaseURL)
			server := httptest.NewServer(there)
			t.Cleanup(server.Close)
			t.Cleanup(there.(*site.Site).EndStreams)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			t.Cleanup(cancel)
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/events", nil)
			if err != nil {
				t.Fatal(err)
			}
			stream, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = stream.Body.Close() }()
			if stream.StatusCode != 200 || len(stream.Cookies()) > 0 {
				t.Fatalf("%d %v", stream.StatusCode, stream.Header)
			}
			lines := bufio.NewScanner(stream.Body)
			lines.Scan() // the stream is open: retry

			editor := &visitor{handler: here}
			editor.login(t, "admin")
			form := url.Values{"text": {"What is heard is kept."}, "author": {"seneca"}, "year": {"60"}, "work": {"Letters"}, "locator": {"1"}, "topics": {"courage"}}
			if a := editor.do("POST", "/admin/quotes/new", form); a.StatusCode != 303 {
				t.Fatalf("adding: %d\n%s", a.StatusCode, a.body)
			}
			var event string
			for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
				if text, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
					event = text
				}
			}
			if event != "new-quote" || !strings.Contains(lines.Text(), "What is heard is kept.") || !strings.Contains(lines.Text(), `"url":"/quotes/`) {
				t.Errorf("%q, %q, %v", event, lines.Text(), lines.Err())
			}
		})
	}
}

// Passwords cannot be tried without end, and nobody can keep another from his
// account.
func TestLoginIsLimited(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, handler http.Handler) {
		guess := func(from, name, password string) answer {
			v := &visitor{handler: handler, from: from}
			return v.do("POST", "/login", url.Values{"username": {name}, "password": {password}})
		}
		denied := 0
		for range 12 {
			if a := guess("192.0.2.7:1", "anna", "wrong"); a.StatusCode == http.StatusTooManyRequests {
				denied++
				if a.Header.Get("Retry-After") == "" || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
					t.Errorf("%v", a.Header)
				}
			}
		}
		if denied < 2 {
			t.Errorf("%d of 12 guesses were denied", denied)
		}
		if a := guess("192.0.2.7:1", "reader", "reader"); a.StatusCode != 303 {
			t.Errorf("another user from there: %d", a.StatusCode)
		}
		if a := guess("198.51.100.1:1", "anna", "anna"); a.StatusCode != 303 {
			t.Errorf("the user from elsewhere: %d", a.StatusCode)
		}
		if a := (&visitor{handler: handler}).get("/login"); a.StatusCode != 200 {
			t.Errorf("the form: %d", a.StatusCode)
		}
	})
}
