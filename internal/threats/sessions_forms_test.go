package threats_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Tokens of forms are worth nothing for others, and nothing after a login or a
// logout; a login form needs one too.
func TestFormTokensOfOthers(t *testing.T) {
	t.Parallel()
	for _, stand := range stands[:1] { // CSRF belongs outside of the cache
		s, _, _, _ := newUserSite(t, stand)
		token := func(cookie string) (string, string) {
			g := s.as(cookie, "GET /forms/token")
			if g.status != 200 || g.hit() {
				t.Fatalf("token: %s", g.raw)
			}
			if c := g.cookies(); c != "" {
				cookie = strings.Trim(cookie+"; "+c, "; ")
			}
			return g.body, cookie
		}
		do := func(cookie, path, token string) int {
			form := "csrf_token=" + url.QueryEscape(token)
			return s.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: good.test\r\nCookie: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", path, cookie, len(form), form)).status
		}
		alice, bob := s.login("alice", ""), s.login("bob", "")
		ofAlice, _ := token(alice)
		ofBob, _ := token(bob)
		ofVisitor, visitor := token("")
		ofOther, other := token("")
		for name, tt := range map[string]struct {
			cookie, token string
			status        int
		}{
			"alice": {alice, ofAlice, 200}, "bob": {bob, ofBob, 200}, "visitor": {visitor, ofVisitor, 200}, "other": {other, ofOther, 200},
			"alice with bob's": {alice, ofBob, 403}, "alice with the visitor's": {alice, ofVisitor, 403}, "visitor with the other's": {visitor, ofOther, 403},
			"visitor with alice's": {visitor, ofAlice, 403}, "no cookie": {"", ofVisitor, 403}, "no token": {alice, "", 403},
			"alice and the visitor's cookie": {alice + "; " + visitor, ofVisitor, 403},
		} {
			if got := do(tt.cookie, "/forms/do", tt.token); got != tt.status {
				t.Errorf("%s: %d, want %d", name, got, tt.status)
			}
		}
		if got := do("", "/forms/login/evil", ""); got != 403 {
			t.Errorf("a login without a token: %d", got)
		}
		if got := do(visitor, "/forms/login/evil", ofOther); got != 403 {
			t.Errorf("a login with another visitor's token: %d", got)
		}
		again := s.login("alice", alice)
		if got := do(again, "/forms/do", ofAlice); got != 403 {
			t.Errorf("a token from before the login: %d", got)
		}
		fresh, _ := token(again)
		s.as(again, "POST /logout", "Content-Length: 0")
		if got := do(again, "/forms/do", fresh); got != 403 {
			t.Errorf("a token of an ended session: %d", got)
		}
	}
}

// Many logins at once from one browser: what it held before is worth nothing, and
// each answer's cookie is that of the user, or of nobody.
func TestParallelLogins(t *testing.T) {
	t.Parallel()
	s, _, _, _ := newUserSite(t, "inside")
	before := s.login("alice", "")
	var wg sync.WaitGroup
	answers := make([]got, 12)
	for i := range answers {
		wg.Go(func() { answers[i] = s.as(before, "POST /login/bob", "Content-Length: 0") })
	}
	wg.Wait()
	alive := 0
	for _, g := range answers {
		if cookie := g.cookies(); cookie != "" {
			switch body := s.as(cookie, "GET /account/x").body; body {
			case canary + "bob":
				alive++
			case canary:
			default:
				t.Errorf("a login of bob shows %q", body)
			}
		}
	}
	if alive == 0 {
		t.Error("nobody is logged in")
	}
	if g := s.as(before, "GET /account/x"); g.body != canary {
		t.Errorf("the cookie of before shows %s", g.raw)
	}
}

// A session that is too large is not saved, and its page is nobody's.
func TestSessionTooLarge(t *testing.T) {
	t.Parallel()
	s, _, _, _ := newUserSite(t, "inside")
	alice := s.login("alice", "")
	for _, cookie := range []string{"", alice} {
		if g := s.as(cookie, "GET /large"); g.hit() || g.status == http.StatusOK {
			t.Errorf("too large a session: %.300s", g.raw)
		}
	}
	if g := s.as(alice, "GET /account/x"); g.body != canary+"alice" {
		t.Errorf("alice is gone: %s", g.raw)
	}
}
