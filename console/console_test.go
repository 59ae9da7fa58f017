package console_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/pagecache"
)

// paths are all that can be asked for by GET.
var paths = []string{"", "/routes", "/keys", "/keys?q=a", "/tags", "/purges", "/sessions", "/sessions?user=anna", "/explain", "/explain?url=http://a.test/", "/entry?key=site:1:v:x"}

func TestNeedsAnAuthoriser(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	if _, err := console.New(console.Config{Source: h.app}); err == nil || !strings.Contains(err.Error(), "Authorize") {
		t.Errorf("a console without an authoriser: %v", err)
	}
	if _, err := console.New(console.Config{Authorize: authorize}); err == nil || !strings.Contains(err.Error(), "Source") {
		t.Errorf("a console without a source: %v", err)
	}
}

// Every route that there is, also one that was added yesterday, is for operators only,
// and what changes something takes no GET and nothing from another site.
func TestEveryRouteIsGuarded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	patterns := h.page.Patterns()
	if len(patterns) < 13 {
		t.Fatalf("the routes are %v", patterns)
	}
	changing := 0
	for _, pattern := range append(patterns, "GET /nowhere", "POST /nowhere") {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{$}", "", "{name}", "console.css").Replace(path)
		for operator, want := range map[string]int{"": 401, "guest": 403} {
			for _, asked := range []string{method, "HEAD", "POST", "PUT", "DELETE", "PURGE"} {
				if code, body := h.ask(asked, path, url.Values{}, operatorHeader, operator); code != want || strings.Contains(body, "<html") {
					t.Errorf("%s %s as %q: %d, want %d", asked, path, operator, code, want)
				}
			}
		}
		if strings.HasSuffix(path, "nowhere") {
			continue
		}
		if method == http.MethodGet {
			if code, _ := h.ask("POST", path, url.Values{}); code != http.StatusMethodNotAllowed {
				t.Errorf("POST %s: %d, want 405", path, code)
			}
			continue
		}
		changing++
		if method != http.MethodPost {
			t.Errorf("%s changes something by another method than POST", pattern)
		}
		form := url.Values{"token": {h.token()}, "by": {"all"}, "user": {"anna"}, "all": {"1"}, "sure": {"1"}}
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://evil.test"}, {"Origin", "null"}} {
			if code, _ := h.ask("POST", path, form, header...); code != http.StatusForbidden {
				t.Errorf("POST %s with %v: %d, want 403", path, header, code)
			}
		}
		form.Del("token")
		if code, _ := h.ask("POST", path, form); code != http.StatusForbidden {
			t.Errorf("POST %s without a token: %d, want 403", path, code)
		}
		for _, asked := range []string{"GET", "HEAD"} {
			if code, _ := h.ask(asked, path+"?"+form.Encode(), nil); code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d, want 405", asked, path, code)
			}
		}
	}
	if changing < 3 {
		t.Errorf("%d routes change something: %v", changing, patterns)
	}
	if done := h.page.Actions(); len(done) != 0 {
		t.Errorf("actions: %+v", done)
	}
}

func TestPagesShow(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	h.visit("/1", 3)
	for _, path := range paths {
		want := http.StatusOK
		if strings.HasPrefix(path, "/entry") {
			want = http.StatusNotFound
		}
		code, body := h.ask("GET", path, nil)
		if code != want || !strings.Contains(body, "</html>") {
			t.Errorf("GET %s: %d\n%s", path, code, body)
		}
		for _, forbidden := range []string{"<style", "style=", " onclick", "javascript:", "<no value>", "ZgotmplZ"} {
			if strings.Contains(body, forbidden) {
				t.Errorf("GET %s holds %q", path, forbidden)
			}
		}
	}
}

func TestHostsAndHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	for host, want := range map[string]int{"localhost": 200, "127.0.0.1:8080": 200, "[::1]:80": 200, "evil.test": 421, "localhost.evil.test": 421, "": 421} {
		if host == "" {
			continue
		}
		if code, _ := h.ask("GET", "", nil, "Host", host); code != want {
			t.Errorf("host %q: %d, want %d", host, code, want)
		}
	}
	res, err := h.server.Client().Get(h.server.URL + h.page.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	csp := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", res.Header)
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	h.visit("/1", 1)
	form := url.Values{"token": {h.token()}, "by": {"all"}, "sure": {"1"}}
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://evil.test"}, {"Origin", "null"},
	} {
		if code, _ := h.ask("POST", "/purge", form, header...); code != http.StatusForbidden {
			t.Errorf("a form with %v: %d, want 403", header, code)
		}
	}
	for name, token := range map[string]string{"none": "", "short": "abc", "another operator's": h.tokenAs("bert"), "zeros": strings.Repeat("A", 86)} {
		form.Set("token", token)
		if code, _ := h.ask("POST", "/purge", form); code != http.StatusForbidden {
			t.Errorf("a form with the token %s: %d, want 403", name, code)
		}
	}
	for _, path := range []string{"/purge", "/preview", "/sessions/revoke"} {
		if code, _ := h.ask("GET", path, nil); code != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d, want 405", path, code)
		}
	}
	if code, _ := h.ask("POST", "/purge", url.Values{"token": {h.token()}, "by": {"all"}}); code != http.StatusUnprocessableEntity {
		t.Errorf("a purge that nobody confirmed: %d, want 422", code)
	}
	if n := h.hits(); n != 0 {
		t.Fatal("the test has counted wrong")
	}
	h.visit("/1", 1)
	if n := h.hits(); n != 1 {
		t.Errorf("the page was purged: %d hits, want 1", n)
	}
	if done := h.page.Actions(); len(done) != 0 {
		t.Errorf("actions: %+v", done)
	}
}

var regexpExact = regexp.MustCompile(`name="exact" value="([^"]*)"`)

func (h *house) hits() uint64 { return h.app.Pages.Stats().Outcomes[pagecache.OutcomeHit] }

// tokenAs is the token of a form of another operator.
func (h *house) tokenAs(operator string) string {
	_, body := h.ask("GET", "/purges", nil, operatorHeader, operator)
	return tokens.FindStringSubmatch(body)[1]
}

func TestPurgeWithPreview(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	for _, p := range []struct{ by, target string }{{"tag", hostile}, {"tag", "red"}, {"url", h.server.URL + "/1"}, {"all", ""}} {
		h.visit("/1", 2)
		before := h.hits()
		code, body := h.ask("POST", "/preview", url.Values{"token": {h.token()}, "by": {p.by}, "target": {p.target}})
		exact := regexpExact.FindStringSubmatch(body)
		if code != http.StatusOK || exact == nil {
			t.Fatalf("preview of %v: %d\n%s", p, code, body)
		}
		h.visit("/1", 1)
		if got := h.hits(); got != before+1 {
			t.Errorf("the preview of %v purged", p)
		}
		code, body = h.ask("POST", "/purge", url.Values{"token": {h.token()}, "by": {p.by}, "exact": {exact[1]}, "sure": {"1"}})
		if code != http.StatusSeeOther {
			t.Fatalf("purge of %v: %d\n%s", p, code, body)
		}
		misses := h.app.Pages.Stats().Reasons[pagecache.ReasonNotFound]
		h.visit("/1", 1)
		if got := h.app.Pages.Stats().Reasons[pagecache.ReasonNotFound]; got != misses+1 {
			t.Errorf("%v was not purged", p)
		}
	}
	done := h.page.Actions()
	if len(done) != 4 || done[0].Operator != "anna" || done[0].What != "purge all" || !done[0].OK || done[3].Target != hostile {
		t.Errorf("actions: %+v", done)
	}
}

func TestWrongTargetsAreExplained(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	for _, p := range []url.Values{{"by": {"url"}, "target": {"/no-host"}}, {"by": {"tag"}}, {"by": {"nothing"}, "target": {"x"}}} {
		p.Set("token", h.token())
		if code, body := h.ask("POST", "/preview", p); code != http.StatusUnprocessableEntity || !strings.Contains(body, "alert") {
			t.Errorf("preview of %v: %d", p, code)
		}
	}
	if code, _ := h.ask("GET", "/entry?key=site-session:abc", nil); code != http.StatusUnprocessableEntity {
		t.Errorf("a session was to be inspected: %d, want 422", code)
	}
}

func TestHostileTextIsEscaped(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	h.visit("/x?a="+url.QueryEscape(hostile)+"&b="+"%3Cscript%3E", 3)
	key := h.stored("/x?a=" + url.QueryEscape(hostile) + "&b=" + "%3Cscript%3E")
	for _, path := range []string{
		"/routes", "/keys", "/tags", "/purges?by=tag&target=" + url.QueryEscape(hostile), "/keys?q=" + url.QueryEscape(hostile),
		"/sessions?user=" + url.QueryEscape(hostile), "/explain?url=" + url.QueryEscape(hostile),
		"/entry?key=" + url.QueryEscape(key), "/routes?reason=" + url.QueryEscape(hostile),
	} {
		_, body := h.ask("GET", path, nil, operatorHeader, "anna "+strings.ToValidUTF8(strings.ReplaceAll(hostile, "\x1b", ""), ""))
		for _, forbidden := range []string{"<script>window", "<img", "\x1b", "\u202e"} {
			if strings.Contains(body, forbidden) {
				t.Errorf("GET %s holds %q", path, forbidden)
			}
		}
	}
	if _, body := h.ask("GET", "/entry?key="+url.QueryEscape(key), nil); !strings.Contains(body, "&lt;p&gt;hello") || !strings.Contains(body, `\x1b[31m\u202e`) {
		t.Errorf("the content is not shown escaped:\n%s", body)
	}
}

// The page that explains says in development where in the code a page became
// private, and in production everything else.
func TestExplainShowsCode(t *testing.T) {
	t.Parallel()
	for _, env := range []string{echoic.Development, echoic.Production} {
		h := newHouse(t, func(cfg *echoic.Config) {
			if cfg.Env = env; env == echoic.Production {
				server := testenv.Redis(t)
				cfg.RedisURL, cfg.CachePrefix = server.URL, server.Prefix
				cfg.DatabaseURL = testenv.Postgres(t).Database(t)
				cfg.SecretKeys = []string{"a secret of at least thirty-two characters"}
			}
		}, nil)
		h.visit("/private?b=2&a=1", 1)
		_, body := h.ask("GET", "/explain?url="+url.QueryEscape(h.server.URL+"/private?b=2&a=1"), nil)
		for _, want := range []string{"a=1&amp;b=2", "/private", "private-scope"} {
			if !strings.Contains(body, want) {
				t.Errorf("%v: no %q in\n%s", env, want, body)
			}
		}
		if strings.Contains(body, "main_test.go:") != (env == echoic.Development) {
			t.Errorf("%v: the place in the code:\n%s", env, body)
		}
	}
}

// stored is the key of a page of the site.
func (h *house) stored(path string) string {
	h.t.Helper()
	found, err := h.app.Search(h.t.Context(), console.Query{Text: h.server.URL + path})
	if err != nil || len(found.Keys) != 1 {
		h.t.Fatalf("%s is not stored: %+v, %v", path, found, err)
	}
	return found.Keys[0].Key
}

func TestAuditIsBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	form := url.Values{"token": {h.token()}, "by": {"tag"}, "target": {strings.Repeat("x", 3000)}, "sure": {"1"}}
	for range 205 {
		if code, body := h.ask("POST", "/purge", form); code != http.StatusSeeOther {
			t.Fatal(code, body)
		}
	}
	done := h.page.Actions()
	if len(done) != 200 || len(done[0].Target) != 1024 {
		t.Errorf("%d actions with targets of %d bytes, want 200 and 1024", len(done), len(done[0].Target))
	}
}

// The page of keys ranks values and fragments beside pages.
func TestKeysRankValuesAndFragments(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	values := cache.Of[string](h.app.Cache)
	for range 64 * 8 { // one hit in 64 of each of eight counters is named
		if _, err := values.GetOrSet(t.Context(), "quote:"+hostile, func(context.Context) (string, error) { return "x", nil }); err != nil {
			t.Fatal(err)
		}
		err := h.app.Fragments.Cached(t.Context(), io.Discard, "side-bar", time.Minute, nil, func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, "text")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	activity, err := h.app.Activity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]console.Rank{
		"quote:" + hostile: activity.Values, "side-bar": activity.Fragments,
	} {
		if len(list) != 1 || list[0].Name != name || list[0].Weight == 0 || list[0].Weight%64 != 0 {
			t.Errorf("most hits of %q: %+v", name, list)
		}
	}
	if len(activity.ValueCost) != 1 || activity.ValueCost[0].Name != "quote:"+hostile || len(activity.FragmentCost) != 1 || activity.FragmentCost[0].Name != "side-bar" {
		t.Errorf("most costly: %+v, %+v", activity.ValueCost, activity.FragmentCost)
	}
	_, body := h.ask("GET", "/keys", nil)
	for _, want := range []string{"Values: most hits", "Values: most costly", "Fragments: most hits", "Fragments: most costly", "side-bar", "quote:&lt;script&gt;"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	if strings.ContainsAny(body, "\x1b\u202e") || strings.Contains(body, "<script>window") {
		t.Error("a key steers the page")
	}
}
