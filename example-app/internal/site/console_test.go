package site_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/echoic-go/echoic"
)

// as signs in and returns how that user asks.
func as(t *testing.T, handler http.Handler, name string) func(method, path string, form url.Values) *http.Response {
	t.Helper()
	var cookies []*http.Cookie
	ask := func(method, path string, form url.Values) *http.Response {
		r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		cookies = append(cookies, w.Result().Cookies()...)
		return w.Result()
	}
	if name != "" {
		if res := ask("POST", "/login", url.Values{"username": {name}, "password": {name}}); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s cannot sign in: %s", name, res.Status)
		}
	}
	return ask
}

func bodyOf(t *testing.T, res *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestConsoleIsForEditors(t *testing.T) {
	t.Parallel()
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
	handler := newSite(t, cfg, "sqlite:"+t.TempDir()+"/quotes.db")
	for name, want := range map[string]int{"": 401, "reader": 403, "admin": 200} {
		ask := as(t, handler, name)
		for _, path := range []string{"/console", "/console/routes", "/console/purges"} {
			if res := ask("GET", path, nil); res.StatusCode != want {
				t.Errorf("GET %s as %q: %s, want %d", path, name, res.Status, want)
			}
		}
	}
	ask := as(t, handler, "admin")
	for range 2 {
		ask("GET", "/authors", nil)
	}
	page := bodyOf(t, ask("GET", "/console/purges", nil))
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
	if token == nil {
		t.Fatal("no form")
	}
	form := url.Values{"token": {token[1]}, "by": {"tag"}, "target": {"collection"}, "sure": {"1"}}
	if res := ask("POST", "/console/purge", form); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("a purge: %s", res.Status)
	}
	if status := ask("GET", "/authors", nil).Header.Get("Cache-Status"); strings.Contains(status, "hit") {
		t.Errorf("after the purge: %s", status)
	}
	routes := bodyOf(t, ask("GET", "/console/routes", nil))
	if !strings.Contains(routes, "/authors") {
		t.Error("the routes do not name /authors")
	}
}
