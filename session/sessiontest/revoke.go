package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/echoic-go/echoic/session"
)

// revokeRules: a user ends his sessions on other devices.
var revokeRules = []rule{
	{"a user sees his sessions and no others, and never a token", func(s *suite) {
		a, b := s.servers(session.Config{HashTokens: true, IdleTimeout: time.Hour})
		one, two := s.login(a, "ann"), s.login(b, "ann")
		s.login(a, "bob")
		b.visit(two, func(ctx context.Context) {
			list, err := b.UserSessions(ctx, "ann")
			s.must(err)
			s.is(len(list) == 2 && list[0].Current && !list[1].Current, "two sessions, the current one first; got %+v", list)
			for _, u := range list {
				s.is(u.UserAgent == "Test/1.0" && u.Address == "192.0.2.1", "where it was logged in; got %+v", u)
				s.is(time.Since(u.Created) < time.Minute && time.Since(u.LastSeen) < time.Minute, "when; got %+v", u)
				s.is(!strings.Contains(fmt.Sprint(u), one) && !strings.Contains(fmt.Sprint(u), hashOf(one)), "no token")
			}
		})
		s.is(len(s.listed(b, "carl")) == 0, "who never logged in has none")
		a.visit(one, func(ctx context.Context) { s.must(a.Logout(ctx)) })
		s.is(len(s.listed(b, "ann")) == 1, "after a logout there is one")
	}},
	{"one session is revoked by its ID, whichever token it has by now", func(s *suite) {
		a, b := s.servers(session.Config{})
		one, two := s.login(a, "ann"), s.login(a, "ann")
		id := s.current(a, one)
		one = a.visit(one, func(ctx context.Context) { s.must(a.RenewToken(ctx)) }).Value
		s.is(s.current(b, one) == id, "the ID stays")
		s.revoked(b, 0, "bob", id)
		s.revoked(b, 0, "ann", "unknown", "")
		s.is(s.user(a, one) == "ann", "not by another user")
		s.revoked(b, 1, "ann", id)
		s.is(s.user(a, one) == "" && s.user(a, two) == "ann", "that session is gone, the other is not")
	}},
	{"all sessions of a user are revoked", func(s *suite) {
		a, b := s.servers(session.Config{})
		tokens := []string{s.login(a, "ann"), s.login(b, "ann"), s.login(a, "ann")}
		bob := s.login(b, "bob")
		s.revoked(b, 3, "ann")
		for _, token := range tokens {
			s.is(s.user(a, token) == "", "each is gone")
		}
		s.is(s.user(a, bob) == "bob", "other users' are not")
		s.is(s.user(b, s.login(a, "ann")) == "ann", "who logs in afterwards gets in")
	}},
	{"all others are revoked, and the current one gets a new token", func(s *suite) {
		a, b := s.servers(session.Config{})
		one, two := s.login(a, "ann"), s.login(b, "ann")
		var n int
		cookie := a.visit(one, func(ctx context.Context) {
			var err error
			n, err = a.RevokeOthers(ctx)
			s.must(err)
		})
		s.is(n == 1 && cookie != nil && cookie.Value != one, "one other; a new cookie; got %d, %v", n, cookie)
		s.is(s.user(b, two) == "" && s.user(b, one) == "" && s.user(b, cookie.Value) == "ann", "only the current one is left")
		again := b.visit(cookie.Value, func(ctx context.Context) { s.must(b.RenewToken(ctx)) })
		s.is(s.user(a, again.Value) == "ann", "which can be renewed")
	}},
	{"a session under way does not survive a revocation", func(s *suite) {
		for name, act := range map[string]func(*server, *request){
			"renewed":      func(srv *server, r *request) { s.must(srv.RenewToken(r)) },
			"logged in":    func(srv *server, r *request) { s.must(srv.Login(r, "ann")) },
			"merged":       func(srv *server, r *request) { _ = srv.MergeSession(r, s.login(srv, "ann")) },
			"written":      func(srv *server, r *request) { srv.Put(r, "x", 1) },
			"RevokeOthers": func(srv *server, r *request) { _, err := srv.RevokeOthers(r); s.must(err) },
		} {
			for _, one := range []bool{false, true} {
				a, b := s.servers(session.Config{IdleTimeout: time.Hour})
				token := s.login(a, "ann")
				id := s.current(a, token)
				slow := a.open(token)
				act(a, slow)
				if name == "logged in" || one && name == "merged" {
					id = ""
				}
				if one && id != "" {
					_, err := b.Revoke(s.Context(), "ann", id)
					s.must(err)
				} else {
					_, err := b.Revoke(s.Context(), "ann")
					s.must(err)
				}
				s.is(slow.finish() == nil, "%s: no cookie for a revoked session", name)
				if name != "merged" {
					s.is(len(s.listed(b, "ann")) == 0, "%s: nothing is left", name)
				}
				for key := range s.each(s.a) {
					s.remove(s.a, key)
				}
			}
		}
	}},
	{"of two that revoke each other at most one is left", func(s *suite) {
		a, b := s.servers(session.Config{})
		one, two := a.open(s.login(a, "ann")), b.open(s.login(b, "ann"))
		s.is(a.UserID(one) == "ann" && b.UserID(two) == "ann", "both are in")
		_, err := a.RevokeOthers(one)
		s.must(err)
		_, err = b.RevokeOthers(two)
		s.is(errors.Is(err, session.ErrSessionGone), "the second has ended; got %v", err)
		s.is(two.finish() == nil && one.finish() != nil, "and gets no cookie")
		s.is(len(s.listed(a, "ann")) == 1, "one is left")
	}},
	{"random schedules of logins, renewals and revocations", func(s *suite) {
		for seed := range uint64(scale(schedules)) {
			s.revocations(seed)
		}
	}},
}

// login makes a session of a user and returns its token.
func (s *suite) login(srv *server, user string) string {
	s.Helper()
	cookie := srv.visit("", func(ctx context.Context) { s.must(srv.Login(ctx, user)) })
	if cookie == nil {
		s.Fatal("a login gets no cookie")
	}
	return cookie.Value
}

func (s *suite) user(srv *server, token string) (user string) {
	srv.visit(token, func(ctx context.Context) { user = srv.UserID(ctx) })
	return user
}

func (s *suite) listed(srv *server, user string) []session.UserSession {
	s.Helper()
	list, err := srv.UserSessions(s.Context(), user)
	s.must(err)
	return list
}

// current returns the ID of the session of a token.
func (s *suite) current(srv *server, token string) (id string) {
	s.Helper()
	srv.visit(token, func(ctx context.Context) {
		list, err := srv.UserSessions(ctx, srv.UserID(ctx))
		s.must(err)
		s.is(len(list) > 0 && list[0].Current, "the current session is listed; got %+v", list)
		id = list[0].ID
	})
	return id
}

// revoked revokes and requires that so many sessions ended.
func (s *suite) revoked(srv *server, want int, user string, ids ...string) {
	s.Helper()
	n, err := srv.Revoke(s.Context(), user, ids...)
	s.must(err)
	s.is(n == want, "Revoke says how many have ended; got %d, want %d", n, want)
}

// revocation is one random order of logins, renewals and revocations, and what is
// known of the logins.
type revocation struct {
	*suite
	random  *rand.Rand
	servers [2]*server
	open    []*request
	tokens  []string
	logins  int // each session holds the number of its login
	dead    int // all up to this one are revoked
	log     []string
	deep    int
}

// revocations plays one random schedule. After each step no session is there whose
// login began before the last revocation of all was called, and ended.
func (s *suite) revocations(seed uint64) {
	s.Helper()
	a, b := s.servers(session.Config{IdleTimeout: time.Hour, HashTokens: seed%2 == 0})
	p := &revocation{suite: s, random: rand.New(rand.NewPCG(seed, 2)), servers: [2]*server{a, b}, tokens: []string{""}}
	// Other requests go on between what a revocation reads and what it removes.
	hook := func() {
		if p.deep < 2 {
			p.deep++
			p.next()
			p.deep--
		}
	}
	a.store.onOwned, b.store.onOwned = hook, hook
	for range steps {
		p.next()
		p.check(seed)
	}
	for len(p.open) > 0 {
		p.finish(0)
		p.check(seed)
	}
	for key := range s.each(s.a) {
		s.remove(s.a, key)
	}
}

func (p *revocation) note(format string, args ...any) {
	p.log = append(p.log, strings.Repeat("  ", p.deep)+fmt.Sprintf(format, args...))
}

func (p *revocation) next() {
	if len(p.open) == 0 || len(p.open) < 6 && p.random.IntN(3) == 0 {
		srv, token := p.servers[p.random.IntN(2)], p.tokens[p.random.IntN(len(p.tokens))]
		r := srv.open(token)
		p.note("%p opens", r)
		srv.Exists(r, "x")
		p.open = append(p.open, r)
		return
	}
	i := p.random.IntN(len(p.open))
	r := p.open[i]
	m := r.server.Manager
	switch p.random.IntN(9) {
	case 0, 1:
		p.note("%p logs in as %d", r, p.logins+1)
		p.logins++
		p.expect(m.Login(r, "ann"))
		m.Put(r, "born", p.logins)
	case 2:
		p.note("%p renews", r)
		p.expect(m.RenewToken(r))
	case 3:
		p.note("%p merges", r)
		p.expect(m.MergeSession(r, p.tokens[p.random.IntN(len(p.tokens))]))
	case 4:
		p.note("%p commits", r)
		_, _, err := m.Commit(r)
		p.expect(err)
	case 5:
		p.revoke(m)
	case 6:
		if m.UserID(r) == "ann" {
			p.note("%p revokes others", r)
			_, err := m.RevokeOthers(r)
			p.expect(err)
		}
	default:
		p.finish(i)
	}
}

// revoke ends all. Logins that begin while it runs may live.
func (p *revocation) revoke(m *session.Manager) {
	before := p.logins
	p.note("revokes up to %d", before)
	_, err := m.Revoke(p.Context(), "ann")
	p.expect(err)
	p.note("has revoked up to %d", before)
	p.dead = max(p.dead, before)
}

func (p *revocation) finish(i int) {
	r := p.open[i]
	p.open = slices.Delete(p.open, i, i+1)
	p.note("%p finishes", r)
	if cookie := r.finish(); cookie != nil && cookie.Value != "" {
		p.tokens = append(p.tokens, cookie.Value)
	}
}

func (p *revocation) expect(err error) {
	p.Helper()
	if err != nil && !errors.Is(err, session.ErrSessionGone) && !strings.Contains(err.Error(), "MergeSession with") {
		p.Fatal(err)
	}
}

// check looks at every session that is there.
func (p *revocation) check(seed uint64) {
	p.Helper()
	m := p.servers[0].Manager
	p.must(m.Iterate(p.Context(), func(ctx context.Context) error {
		if born := m.GetInt(ctx, "born"); m.UserID(ctx) == "ann" && born <= p.dead {
			p.Fatalf("rule broken: login %d does not survive a revocation (seed %d):\n%s", born, seed, strings.Join(p.log, "\n"))
		}
		return nil
	}))
}
