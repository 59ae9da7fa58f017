package threats_test

import (
	"net/http"
	"strings"
	"testing"
)

// browser is a user, logged in or not.
type browser struct {
	user, cookie string
	in           bool
	old          []string // cookies of ended sessions
}

// FuzzTwoUsers has two users and a visitor do things in any order: each sees his
// own, nobody anything of another's, and no ended session lives.
func FuzzTwoUsers(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14})
	f.Add([]byte{0, 6, 7, 8, 1, 7, 6, 3, 7, 8, 12, 13, 14})
	f.Add([]byte{0, 0, 0, 6, 3, 15, 6, 12, 0, 15, 9})
	s := newSite(f)
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 100 {
			return
		}
		who := []*browser{{user: "alice"}, {user: "bob"}, {}}
		for _, step := range steps {
			s.act(t, who[int(step)%len(who)], int(step)/len(who))
		}
		s.unspoiled(t)
	})
}

// act does one thing and judges the answer.
func (s *site) act(t *testing.T, b *browser, what int) {
	t.Helper()
	shown := ""
	if b.in {
		shown = b.user
	}
	switch what % 6 {
	case 0:
		if b.user == "" {
			return
		}
		was := b.cookie
		b.cookie = s.login(t, b.user, b.cookie)
		if b.in = true; b.cookie == was {
			t.Fatalf("%s kept the token through a login", b.user)
		}
		if was != "" {
			b.old = append(b.old, was)
		}
	case 1:
		was := b.cookie
		res, _, cookie := s.ask(http.MethodPost, "/logout", was)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("logout of %s: %d", b.user, res.StatusCode)
		}
		if b.in {
			b.old = append(b.old, was)
		}
		if b.cookie, b.in = cookie, false; cookie == was {
			b.cookie = ""
		}
	case 2:
		s.see(t, "/mine", b.cookie, canary+shown)
	case 3:
		s.see(t, "/name", b.cookie, namePage(shown))
	case 4:
		s.see(t, "/public/1", b.cookie, publicPage("1", ""))
	case 5:
		for _, old := range b.old {
			s.see(t, "/mine", old, canary)
		}
	}
}

// see asks for a page and compares.
func (s *site) see(t *testing.T, path, cookie, want string) {
	t.Helper()
	res, body, _ := s.ask(http.MethodGet, path, cookie)
	if res.StatusCode != http.StatusOK || body != want {
		t.Fatalf("%s: %d %q; want %q", path, res.StatusCode, body, want)
	}
}

// Rule 14: a token that nobody was given is not adopted.
func TestUnknownTokensAreNotAdopted(t *testing.T) {
	s := newSite(t)
	planted := strings.Repeat("A", 43)
	got := s.login(t, "alice", planted)
	if got == planted {
		t.Fatal("a planted token became alice's")
	}
	s.see(t, "/mine", planted, canary)
	s.see(t, "/mine", got, canary+"alice")
}

// Rule 14: the token from before a login is worth nothing after it.
func TestLoginRotates(t *testing.T) {
	s := newSite(t)
	first := s.login(t, "alice", "")
	second := s.login(t, "bob", first)
	if first == second {
		t.Fatal("two logins have one token")
	}
	s.see(t, "/mine", first, canary)
	s.see(t, "/mine", second, canary+"bob")
}

// Rule 19: who puts nothing into a session gets none.
func TestVisitorsMakeNoSessions(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/name", "/mine", "/public/1", "/broken/x"} {
		if res, _, cookie := s.ask(http.MethodGet, path, ""); cookie != "" || len(res.Cookies()) > 0 {
			t.Errorf("%s gave a visitor a cookie", path)
		}
	}
}

// Rule 22: nobody empties the cache from outside.
func TestNoPurgeMethod(t *testing.T) {
	s := newSite(t)
	s.see(t, "/public/1", "", publicPage("1", ""))
	for _, method := range []string{"PURGE", "BAN", "REFRESH", "DELETE"} {
		if res, _, _ := s.ask(method, "/public/1", ""); res.StatusCode < 400 {
			t.Errorf("%s was answered with %d", method, res.StatusCode)
		}
		if res, _, _ := s.ask(http.MethodGet, "/public/1", ""); !strings.Contains(res.Header.Get("Cache-Status"), "hit") {
			t.Errorf("after %s the page is gone: %q", method, res.Header.Get("Cache-Status"))
		}
	}
}
