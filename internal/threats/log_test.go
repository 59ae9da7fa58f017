package threats_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"
)

// FuzzLogFields has handlers fail for requests whose path and user agent are
// hostile: each record stays one line, without control characters, and holds no
// session token (rules 18 and 23).
func FuzzLogFields(f *testing.F) {
	f.Add("x", "agent")
	f.Add("x\nlevel=ERROR msg=forged", "\x1b[31m")
	f.Add("\x00\u202e\u2028", "a\"b=c")
	s := newSite(f)
	token := s.login(f, "alice", "")
	s.log.take()
	f.Fuzz(func(t *testing.T, path, agent string) {
		ask := func() *httptest.ResponseRecorder {
			r := httptest.NewRequest("GET", "/", nil)
			r.URL = &url.URL{Path: "/broken/" + path}
			r.RequestURI, r.Host = r.URL.RequestURI(), host
			r.Header.Set("User-Agent", agent)
			r.Header.Set("Cookie", "session="+token)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w
		}
		s.broken.Store(false)
		first := ask()
		kept := strings.Contains(first.Header().Get("Cache-Status"), "stored")
		s.ahead.Add(int64(2 * brokenTTL)) // it is stale now
		s.broken.Store(true)
		second := ask()
		text := s.log.take()
		if kept && second.Code == 200 && text == "" {
			t.Fatal("a stale page was served, and nobody was told")
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if !strings.HasPrefix(line, "time=") {
				t.Fatalf("a record has more than one line: %q", line)
			}
			if strings.ContainsFunc(line, unicode.IsControl) {
				t.Fatalf("a record has control characters: %q", line)
			}
			if strings.Contains(line, token) {
				t.Fatalf("a record holds a session token: %q", line)
			}
		}
	})
}
