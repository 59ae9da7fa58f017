package echoic_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"
	"go.uber.org/goleak"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/middleware"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(testenv.Wrap(m),
		// rueidis closes the connections to nodes that have left a cluster some
		// seconds later, whether it was closed meanwhile or not.
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient).redirectOrNew.func1"),
	)
}

// modes are the configurations of DESIGN's table, each on servers of its own.
var modes = map[string]func(t *testing.T, cfg *echoic.Config){
	"memory": func(*testing.T, *echoic.Config) {},
	"redis":  func(t *testing.T, cfg *echoic.Config) { useRedis(t, cfg) },
	"postgres": func(t *testing.T, cfg *echoic.Config) {
		cfg.DatabaseURL = testenv.Postgres(t).Database(t)
	},
	"production": func(t *testing.T, cfg *echoic.Config) {
		cfg.Env, cfg.DatabaseURL = echoic.Production, testenv.Postgres(t).Database(t)
		useRedis(t, cfg)
	},
	"production without Redis": func(t *testing.T, cfg *echoic.Config) {
		cfg.Env, cfg.DatabaseURL = echoic.Production, testenv.Postgres(t).Database(t)
	},
	"production on SQLite": func(t *testing.T, cfg *echoic.Config) {
		cfg.Env, cfg.DatabaseURL = echoic.Production, "sqlite:"+t.TempDir()+"/all.db"
	},
}

func useRedis(t *testing.T, cfg *echoic.Config) {
	server := testenv.Redis(t)
	cfg.RedisURL, cfg.CachePrefix = server.URL, server.Prefix
}

// forEachMode runs test in all configurations.
func forEachMode(t *testing.T, test func(t *testing.T, cfg echoic.Config)) {
	for name, set := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := echoic.DefaultConfig()
			cfg.SessionDatabase = t.TempDir() + "/sessions.db"
			cfg.CachePrefix = "test"
			cfg.CacheStoreBudget = 10 * time.Second // a slow machine decides nothing here
			cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
			set(t, &cfg)
			test(t, cfg)
		})
	}
}

func open(t *testing.T, cfg echoic.Config) *echoic.App {
	t.Helper()
	app, err := echoic.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	return app
}

// quotesSite is a small site that uses values, pages and sessions of app.
type quotesSite struct {
	*echo.Echo
	text atomic.Int64 // version of the one quote
	runs atomic.Int64 // of the public page
}

func newQuotesSite(app *echoic.App) *quotesSite {
	s := &quotesSite{Echo: echo.New()}
	s.Logger.SetOutput(io.Discard)
	s.Use(echomw.Recover(), echomw.Gzip(), middleware.Sessions(app.Sessions))
	cached := middleware.CachePage(app.Pages, 15*time.Minute)
	s.GET("/", func(c echo.Context) error {
		s.runs.Add(1)
		n, err := cache.Of[int64](app.Cache).GetOrSet(c.Request().Context(), "quote", func(context.Context) (int64, error) {
			return s.text.Load(), nil
		}, cache.WithTags("quote"))
		if err != nil {
			return err
		}
		return c.HTML(200, fmt.Sprintf("<p>quote %d %s", n, strings.Repeat("x", 2000)))
	}, cached)
	s.GET("/me", func(c echo.Context) error { // cached by mistake: has to stay private
		return c.HTML(200, "<p>user "+app.Sessions.UserID(c.Request().Context()))
	}, cached)
	s.POST("/login/:user", func(c echo.Context) error {
		if err := app.Sessions.Login(c.Request().Context(), c.Param("user")); err != nil {
			return err
		}
		return c.NoContent(204)
	})
	s.POST("/edit", func(c echo.Context) error {
		s.text.Add(1)
		return app.Cache.Purge(c.Request().Context(), "quote")
	})
	return s
}

// visitor keeps cookies as a browser does.
type visitor struct {
	site    *quotesSite
	cookies map[string]*http.Cookie
}

func (v *visitor) do(t *testing.T, method, path string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, "https://quotes.test"+path, nil)
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	v.site.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if v.cookies == nil {
			v.cookies = map[string]*http.Cookie{}
		}
		v.cookies[c.Name] = c
	}
	return res, w.Body.String()
}

func isHit(res *http.Response) bool {
	return strings.HasPrefix(res.Header.Get("Cache-Status"), "Echoic; hit")
}

func TestSecondRequestIsAHitEverywhere(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, cfg echoic.Config) {
		app := open(t, cfg)
		site := newQuotesSite(app)
		v := &visitor{site: site}
		first, a := v.do(t, "GET", "/")
		second, b := v.do(t, "GET", "/")
		if isHit(first) || !isHit(second) || a != b || second.Header.Get("Age") == "" || site.runs.Load() != 1 {
			t.Fatalf("first %v, second %v, same body %v, %d runs", first.Header, second.Header, a == b, site.runs.Load())
		}
		if want := "store;desc=" + string(app.Plan.Cache); !strings.Contains(second.Header.Get("Server-Timing"), want) {
			t.Errorf("Server-Timing %q does not name %s", second.Header.Get("Server-Timing"), want)
		}
		if cfg.Env == echoic.Production && strings.Contains(first.Header.Get("Cache-Status"), "detail") {
			t.Errorf("Cache-Status %q tells visitors reasons", first.Header.Get("Cache-Status"))
		}
		v.do(t, "POST", "/edit")
		if res, body := v.do(t, "GET", "/"); isHit(res) || !strings.Contains(body, "quote 1 ") {
			t.Fatalf("the request after the edit got %.20q, %v", body, res.Header["Cache-Status"])
		}
	})
}

// A thousand mixed requests of three users at once: nobody sees another's page.
func TestNobodySeesAnothersPage(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, cfg echoic.Config) {
		site := newQuotesSite(open(t, cfg))
		var wg sync.WaitGroup
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		for i, user := range []string{"anna", "bert", ""} {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(i)))
				v := &visitor{site: site}
				if user != "" {
					if res, _ := v.do(t, "POST", "/login/"+user); res.StatusCode != 204 {
						t.Errorf("login of %s: %d", user, res.StatusCode)
					}
				}
				for range 334 {
					switch r.IntN(4) {
					case 0:
						if _, body := v.do(t, "GET", "/me"); body != "<p>user "+user {
							t.Errorf("%q saw %q", user, body)
						}
					case 1:
						if r.IntN(10) == 0 {
							v.do(t, "POST", "/edit")
						}
					default:
						res, body := v.do(t, "GET", "/")
						if res.StatusCode != 200 || !strings.HasPrefix(body, "<p>quote ") || strings.Contains(body, "user") {
							t.Errorf("the public page: %d %.40q", res.StatusCode, body)
						}
						if isHit(res) && len(res.Header["Set-Cookie"]) > 0 {
							t.Error("a cookie came with a cached page")
						}
					}
				}
			})
		}
		wg.Wait()
	})
}

// Sessions survive the process; pages are where the configuration says.
func TestRestartKeepsSessions(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, cfg echoic.Config) {
		first, err := echoic.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		v := &visitor{site: newQuotesSite(first)}
		v.do(t, "POST", "/login/anna")
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		v.site = newQuotesSite(open(t, cfg))
		if _, body := v.do(t, "GET", "/me"); body != "<p>user anna" {
			t.Fatalf("after the restart: %q", body)
		}
	})
}

func TestCheckTablesAndClear(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, cfg echoic.Config) {
		if _, err := echoic.Tables(t.Context(), cfg, true); err != nil {
			t.Fatalf("dry run: %v", err)
		}
		for range 2 {
			if _, err := echoic.Tables(t.Context(), cfg, false); err != nil {
				t.Fatal(err)
			}
		}
		journaled := false
		for _, r := range echoic.Check(t.Context(), cfg) {
			if !r.OK {
				t.Errorf("check %s: %s", r.Name, r.Detail)
			}
			if r.Name == "journal" {
				journaled = true
				if weaker := strings.Contains(r.Detail, "promises less"); weaker != (cfg.DatabaseURL == "") {
					t.Errorf("check journal: %q with the database %q", r.Detail, cfg.Plan().Database)
				}
			}
		}
		if want := cfg.DatabaseURL != "" || cfg.RedisURL != ""; journaled != want {
			t.Errorf("check speaks of a journal: %v, want %v", journaled, want)
		}
		app := open(t, cfg)
		v := &visitor{site: newQuotesSite(app)}
		v.do(t, "POST", "/login/anna")
		v.do(t, "GET", "/")
		freed, err := echoic.ClearCache(t.Context(), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		if app.Plan.Cache == echoic.Memory {
			return // another store: nothing to see there
		}
		if freed == 0 {
			t.Error("nothing was freed")
		}
		testenv.Within(t, 2*time.Second, func() bool {
			res, _ := v.do(t, "GET", "/")
			return !isHit(res)
		}, "the application hears of the clearing")
		if _, body := v.do(t, "GET", "/me"); body != "<p>user anna" {
			t.Errorf("clearing the cache ended a session: %q", body)
		}
	})
}

// A Redis that is away keeps nobody from starting and fails no page.
func TestStartsWithoutRedis(t *testing.T) {
	t.Parallel()
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
	cfg.RedisURL = "redis://:hunter2@" + testenv.RefusedAddr(t) + "/1"
	var logged strings.Builder
	cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	app, err := echoic.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{site: newQuotesSite(app)}
	for range 3 {
		if res, body := v.do(t, "GET", "/"); res.StatusCode != 200 || !strings.HasPrefix(body, "<p>quote ") {
			t.Fatalf("%d %.40q", res.StatusCode, body)
		}
	}
	results := echoic.Check(t.Context(), cfg)
	if err := app.Close(); err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimSuffix(strings.SplitN(cfg.RedisURL, "@", 2)[1], "/1")
	if !strings.Contains(logged.String(), addr) || strings.Contains(logged.String(), "hunter2") {
		t.Errorf("the log does not name the address, or shows the password:\n%s", logged.String())
	}
	failed := ""
	for _, r := range results {
		if !r.OK {
			failed += r.Name + " " + r.Detail + r.Remedy + "\n"
		}
	}
	if !strings.Contains(failed, "redis") || !strings.Contains(failed, addr) || strings.Contains(failed, "hunter2") {
		t.Errorf("check found:\n%s", failed)
	}
}

func TestDatabaseAwayIsAnError(t *testing.T) {
	t.Parallel()
	cfg := echoic.DefaultConfig()
	cfg.DatabaseURL = "postgres://u:hunter2@" + testenv.RefusedAddr(t) + "/db?connect_timeout=2"
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := echoic.Open(ctx, cfg)
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Fatalf("%v", err)
	}
}
