package site_test

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/example-app/internal/accounts"
	"github.com/echoic-go/echoic/example-app/internal/database"
	"github.com/echoic-go/echoic/example-app/internal/quotes"
	"github.com/echoic-go/echoic/example-app/internal/site"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testenv.Wrap(m)) }

// forEachMode runs test on a site of its own in memory, Postgres and Redis modes.
func forEachMode(t *testing.T, test func(t *testing.T, handler http.Handler)) {
	modes := map[string]func(t *testing.T, cfg *echoic.Config) string{
		"memory": func(t *testing.T, _ *echoic.Config) string { return "sqlite:" + t.TempDir() + "/quotes.db" },
		"postgres": func(t *testing.T, cfg *echoic.Config) string {
			cfg.DatabaseURL = testenv.Postgres(t).Database(t)
			return cfg.DatabaseURL
		},
		"redis and postgres in production": func(t *testing.T, cfg *echoic.Config) string {
			server := testenv.Redis(t)
			cfg.Env, cfg.RedisURL, cfg.CachePrefix = echoic.Production, server.URL, server.Prefix
			cfg.SecretKeys = []string{"a secret of at least thirty-two characters"}
			cfg.DatabaseURL = testenv.Postgres(t).Database(t)
			return cfg.DatabaseURL
		},
	}
	for name, set := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := echoic.DefaultConfig()
			cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
			cfg.SessionDatabase = t.TempDir() + "/sessions.db"
			cfg.CachePrefix = "motivational_app"
			cfg.CacheStoreBudget = 10 * time.Second // a slow machine decides nothing here
			url := set(t, &cfg)
			test(t, newSite(t, cfg, url))
		})
	}
}

func newSite(t *testing.T, cfg echoic.Config, databaseURL string) http.Handler {
	t.Helper()
	ctx := t.Context()
	db, err := database.Open(ctx, databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	library, err := quotes.New(quotes.Config{DB: db})
	if err != nil {
		t.Fatal(err)
	}
	collection, err := quotes.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := library.Prepare(ctx, collection); err != nil {
		t.Fatal(err)
	}
	people, err := accounts.New(accounts.Config{DB: db, Cost: bcrypt.MinCost})
	if err != nil {
		t.Fatal(err)
	}
	if err := people.Prepare(ctx, accounts.Demo()); err != nil {
		t.Fatal(err)
	}
	app, err := echoic.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := site.New(site.Config{App: app, DB: db, Quotes: library, Accounts: people})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// visitor keeps cookies as a browser does.
type visitor struct {
	handler http.Handler
	cookies map[string]*http.Cookie
	from    string // host:port, or empty
}

type answer struct {
	*http.Response
	body string
}

func (a answer) hit() bool { return strings.Contains(a.Header.Get("Cache-Status"), "; hit") }

func (v *visitor) do(method, target string, form url.Values, header ...string) answer {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, "https://quotes.test"+target, body)
	if v.from != "" {
		r.RemoteAddr = v.from
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if v.cookies == nil {
			v.cookies = map[string]*http.Cookie{}
		}
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
			continue
		}
		v.cookies[c.Name] = c
	}
	return answer{res, w.Body.String()}
}

func (v *visitor) get(target string) answer { return v.do("GET", target, nil) }

func (v *visitor) login(t *testing.T, name string) {
	t.Helper()
	if a := v.do("POST", "/login", url.Values{"username": {name}, "password": {name}}); a.StatusCode != 303 {
		t.Fatalf("login of %s: %d", name, a.StatusCode)
	}
}

var publicPages = []string{"/", "/authors", "/authors/seneca", "/topics", "/topics/courage", "/topics/courage?page=2", "/search", "/search?q=courage", "/search?q=zzzz", "/about", "/api/quotes/kjv-iron-sharpeneth", "/quotes/kjv-iron-sharpeneth"}

func TestPublicPagesAreHitsAndIdentical(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, handler http.Handler) {
		v := &visitor{handler: handler}
		for _, target := range publicPages {
			first, second := v.get(target), v.get(target)
			if first.StatusCode != 200 || first.hit() || !second.hit() || first.body != second.body || second.Header.Get("Age") == "" {
				t.Errorf("%s: %d, then %d %v (same body: %v)", target, first.StatusCode, second.StatusCode, second.Header["Cache-Status"], first.body == second.body)
			}
		}
		if len(v.cookies) > 0 {
			t.Errorf("reading set cookies: %v", v.cookies)
		}
	})
}

func TestPagesRunNothingInline(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, handler http.Handler) {
		v := &visitor{handler: handler}
		inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\son\w+=|\sstyle=|javascript:`)
		for _, target := range append([]string{"/login", "/favourites", "/nope"}, publicPages...) {
			a := v.get(target)
			if strings.HasPrefix(target, "/api/") {
				continue
			}
			if found := inline.FindString(a.body); found != "" {
				t.Errorf("%s has %q, which the policy forbids", target, found)
			}
			if !strings.Contains(a.Header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%s: no policy", target)
			}
			if strings.Count(a.body, "<h1") != 1 || !strings.Contains(a.body, "</html>") {
				t.Errorf("%s is no whole page with one heading", target)
			}
		}
	})
}

func TestUnknownPages(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, handler http.Handler) {
		v := &visitor{handler: handler}
		for _, target := range []string{"/nope", "/quotes/nope", "/authors/nope", "/topics/nope", "/topics/courage?page=99", "/search?q=love&page=x", "/quotes/%3Cscript%3E", "/api/quotes/nope"} {
			for range 2 {
				a := v.get(target)
				if a.StatusCode != 404 || a.hit() {
					t.Errorf("%s: %d, hit %v", target, a.StatusCode, a.hit())
				}
				if !strings.HasPrefix(target, "/api/") && !strings.Contains(a.body, "stylesheet") {
					t.Errorf("%s: the page is not styled", target)
				}
			}
		}
	})
}

// An edit in admin changes every page and fragment that shows the quotation,
// with the next request.
func TestEditShowsAtOnce(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, handler http.Handler) {
		editor, reader := &visitor{handler: handler}, &visitor{handler: handler}
		editor.login(t, "admin")
		id := strings.TrimPrefix(regexp.MustCompile(`/quotes/[a-z0-9-]+`).FindString(reader.get("/").body), "/quotes/")
		form := formOf(t, editor.get("/admin/quotes/"+id).body)
		old := form.Get("text")
		pages := []string{"/", "/quotes/" + id, "/api/quotes/" + id, "/authors/" + form.Get("author"), "/search?q=zebra"}
		for _, target := range pages {
			reader.get(target)
			if a := reader.get(target); !a.hit() {
				t.Fatalf("%s is not cached: %v", target, a.Header["Cache-Status"])
			}
		}
		form.Set("text", "A zebra, edited.")
		if a := editor.do("POST", "/admin/quotes/"+id, form); a.StatusCode != 303 {
			t.Fatalf("the edit: %d", a.StatusCode)
		}
		for _, target := range pages {
			a := reader.get(target)
			if a.hit() || !strings.Contains(strings.ToLower(a.body), "zebra") || strings.Contains(a.body, strings.SplitN(old, "\n", 2)[0]) {
				t.Errorf("%s after the edit: hit %v", target, a.hit())
			}
		}
		if a := editor.do("POST", "/admin/quotes/"+id, form); a.StatusCode != 409 {
			t.Errorf("an edit of an old version: %d", a.StatusCode)
		}
	})
}

// formOf reads the values of the editor's form.
func formOf(t *testing.T, page string) url.Values {
	t.Helper()
	form := url.Values{}
	unescape := strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&amp;", "&", "&#43;", "+")
	for _, m := range regexp.MustCompile(`<input [^>]*name="(version|year|work|locator|translator)"[^>]*value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		form.Set(m[1], unescape.Replace(m[2]))
	}
	for _, m := range regexp.MustCompile(`name="topics" value="([a-z]+)" checked`).FindAllStringSubmatch(page, -1) {
		form.Add("topics", m[1])
	}
	text := regexp.MustCompile(`(?s)<textarea[^>]*>(.*?)</textarea>`).FindStringSubmatch(page)
	author := regexp.MustCompile(`value="([a-z0-9-]+)" selected`).FindStringSubmatch(page)
	if text == nil || author == nil || form.Get("version") == "" {
		t.Fatalf("no editor's form:\n%s", page)
	}
	form.Set("text", unescape.Replace(text[1]))
	form.Set("author", author[1])
	return form
}

// A thousand mixed requests of three users: nobody sees another's page.
func TestThreeUsers(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, handler http.Handler) {
		own := map[string]string{"reader": "kjv-iron-sharpeneth", "": ""} // "" is a guest
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		ids := regexp.MustCompile(`data-quote="([a-z0-9-]+)"`)
		page := (&visitor{handler: handler}).get("/authors/ralph-waldo-emerson").body
		own["anna"] = strings.TrimPrefix(regexp.MustCompile(`/quotes/[a-z0-9-]+`).FindString(page), "/quotes/")
		var wg sync.WaitGroup
		for name, favourite := range own {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(len(name))))
				v := &visitor{handler: handler}
				if name != "" {
					v.login(t, name)
					v.do("POST", "/favourites", url.Values{"id": {favourite}})
				}
				for range 334 {
					if r.IntN(3) > 0 {
						target := publicPages[r.IntN(len(publicPages))]
						if a := v.get(target); a.StatusCode != 200 || strings.Contains(a.body, "Signed in as") {
							t.Errorf("%s: %d", target, a.StatusCode)
						}
						continue
					}
					a := v.get("/favourites")
					var kept string
					for _, m := range ids.FindAllStringSubmatch(a.body, -1) {
						kept += m[1]
					}
					signed := strings.Contains(a.body, "Signed in as")
					if a.hit() || kept != favourite || signed != (name != "") {
						t.Errorf("%q sees the favourites %q, wants %q (signed in: %v)", name, kept, favourite, signed)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestDoors(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, handler http.Handler) {
		guest, reader := &visitor{handler: handler}, &visitor{handler: handler}
		reader.login(t, "reader")
		if a := guest.get("/admin"); a.StatusCode != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/login") {
			t.Errorf("a guest in the editor: %d", a.StatusCode)
		}
		if a := reader.get("/admin"); a.StatusCode != 403 {
			t.Errorf("a reader in the editor: %d", a.StatusCode)
		}
		if a := guest.do("POST", "/login", url.Values{"username": {"admin"}, "password": {"wrong"}}); a.StatusCode == 303 || guest.cookies["session"] != nil || guest.cookies["__Host-session"] != nil {
			t.Errorf("a wrong password: %d, cookies %v", a.StatusCode, guest.cookies)
		}
		for _, next := range []string{"//evil.test", `/\evil.test`, "https://evil.test/"} {
			v := &visitor{handler: handler}
			a := v.do("POST", "/login", url.Values{"username": {"reader"}, "password": {"reader"}, "next": {next}})
			if strings.Contains(a.Header.Get("Location"), "evil") {
				t.Errorf("next=%s leads to %s", next, a.Header.Get("Location"))
			}
		}
		if a := reader.do("POST", "/favourites", url.Values{"id": {"kjv-iron-sharpeneth"}}, "Sec-Fetch-Site", "cross-site"); a.StatusCode != 403 {
			t.Errorf("a form of another site: %d", a.StatusCode)
		}
		reader.do("POST", "/logout", url.Values{})
		if a := reader.get("/favourites"); strings.Contains(a.body, "Signed in as") {
			t.Error("signed in after signing out")
		}
	})
}
