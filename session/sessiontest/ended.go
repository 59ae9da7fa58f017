package sessiontest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/echoic-go/echoic/session"
)

// endedRules: a request has loaded the session, another server ends it, the
// request goes on. Each of these brings the session back on plain scs.
var endedRules = []rule{
	straggler("a slow reader", func(s *suite, r *request) { r.server.GetString(r, "secret") }),
	straggler("a slow writer", func(s *suite, r *request) { r.server.Put(r, "x", 1) }),
	straggler("a slow clear", func(s *suite, r *request) { s.must(r.server.Clear(r)) }),
	straggler("a commit by hand", func(s *suite, r *request) {
		_, _, err := r.server.Commit(r)
		s.is(errors.Is(err, session.ErrSessionGone), "Commit reports ErrSessionGone; got %v", err)
	}),
	straggler("a commit before and after", func(s *suite, r *request) {
		_, _, _ = r.server.Commit(r)
		r.server.Put(r, "x", 1)
		_, _, err := r.server.Commit(r)
		s.is(errors.Is(err, session.ErrSessionGone), "the second Commit reports ErrSessionGone; got %v", err)
	}),
	straggler("a renewal", func(s *suite, r *request) {
		err := r.server.RenewToken(r)
		s.is(errors.Is(err, session.ErrSessionGone), "RenewToken reports ErrSessionGone; got %v", err)
		err = r.server.RenewToken(r)
		s.is(errors.Is(err, session.ErrSessionGone), "so does the next; got %v", err)
	}),
	straggler("a renewal by the embedded manager", func(s *suite, r *request) {
		_ = r.server.SessionManager.RenewToken(r)
		_, _, err := r.server.SessionManager.Commit(r)
		s.is(errors.Is(err, session.ErrSessionGone), "Commit reports ErrSessionGone; got %v", err)
	}),
	straggler("a change by the embedded manager", func(s *suite, r *request) {
		r.server.SessionManager.Put(r, "x", 1)
		_, _, err := r.server.SessionManager.Commit(r)
		s.is(errors.Is(err, session.ErrSessionGone), "Commit reports ErrSessionGone; got %v", err)
	}),
	straggler("a merge into it", func(s *suite, r *request) {
		other := s.start(r.server, "other")
		err := r.server.MergeSession(r, other)
		s.is(errors.Is(err, session.ErrSessionGone), "MergeSession reports ErrSessionGone; got %v", err)
		_, found := s.fetch(s.a, other)
		s.is(found, "the source of a merge that failed is still there")
	}),
	straggler("its own logout, with a message afterwards", func(s *suite, r *request) {
		s.must(r.server.Logout(r))
		r.server.Put(r, "flash", "bye")
	}),
	{"a straggler cannot merge from a session that has ended", func(s *suite) {
		a, b := s.servers(session.Config{})
		source, target := s.start(a, "secret"), s.start(a, "x")
		slow := a.open(target)
		a.GetString(slow, "x")
		b.visit(source, func(ctx context.Context) { s.must(b.Logout(ctx)) })
		s.must(a.MergeSession(slow, source))
		slow.finish()
		s.noSecret()
	}},
	{"a session that expired stays expired", func(s *suite) {
		for _, idle := range []time.Duration{0, time.Hour} {
			a, _ := s.servers(session.Config{IdleTimeout: idle})
			token := s.start(a, "secret")
			slow := a.open(token)
			a.GetString(slow, "secret")
			s.age(brief)
			s.expires(token)
			a.Put(slow, "x", 1)
			s.is(slow.finish() == nil, "no cookie for a session that expired meanwhile")
			s.noSecret()
		}
	}},
	{"of two renewals one succeeds", func(s *suite) {
		a, b := s.servers(session.Config{})
		token := s.start(a, "secret")
		one, two := a.open(token), b.open(token)
		a.GetString(one, "secret")
		b.GetString(two, "secret")
		s.must(a.RenewToken(one))
		err := b.RenewToken(two)
		s.is(errors.Is(err, session.ErrSessionGone), "the second renewal reports ErrSessionGone; got %v", err)
		s.is(two.finish() == nil && one.finish() != nil, "only the first gets a cookie")
		s.is(len(s.each(s.a)) == 1, "there is one session")
	}},
	{"a login after the end gets an empty session", func(s *suite) {
		a, b := s.servers(session.Config{})
		token := s.start(a, "secret")
		slow := a.open(token)
		a.GetString(slow, "secret")
		b.visit(token, func(ctx context.Context) { s.must(b.Logout(ctx)) })
		s.must(a.Login(slow, "ann"))
		cookie := slow.finish()
		s.is(cookie != nil && cookie.Value != "", "a login gets a cookie")
		s.noSecret()
		b.visit(cookie.Value, func(ctx context.Context) { s.is(b.UserID(ctx) == "ann", "the user is in") })
	}},
	{"stragglers at full speed bring nothing back", func(s *suite) {
		a, b := s.servers(session.Config{IdleTimeout: time.Hour})
		for range 15 {
			token := s.start(a, "secret")
			s.age(30 * time.Minute)
			var wg sync.WaitGroup
			for i := range 6 {
				srv := []*server{a, b}[i%2]
				slow := srv.open(token)
				srv.GetString(slow, "secret")
				wg.Go(func() {
					if i >= 2 {
						srv.Put(slow, "n", i)
					}
					slow.finish()
				})
			}
			wg.Go(func() { b.visit(token, func(ctx context.Context) { _ = b.Logout(ctx) }) })
			wg.Wait()
			s.noSecret()
		}
	}},
}

// straggler is the rule that a request which goes on after its session has
// ended neither brings it back nor sends a cookie, whether or not there is an
// idle timeout, and whether or not tokens are hashed.
func straggler(who string, goesOn func(*suite, *request)) rule {
	return rule{who + " does not bring an ended session back", func(s *suite) {
		for _, cfg := range []session.Config{{}, {IdleTimeout: time.Hour}, {IdleTimeout: time.Hour, HashTokens: true}} {
			if cfg.HashTokens && strings.Contains(who, "merge") {
				continue // it looks for the other session under its token
			}
			a, b := s.servers(cfg)
			token := s.start(a, "secret")
			s.age(30 * time.Minute)
			slow := a.open(token)
			s.is(a.GetString(slow, "secret") == "secret", "the request has loaded the session")
			cookie := b.visit(token, func(ctx context.Context) { s.must(b.Logout(ctx)) })
			s.is(cookie != nil && cookie.MaxAge < 0, "the logout takes the cookie away")
			goesOn(s, slow)
			cookie = slow.finish()
			s.is(cookie == nil, "a straggler sends no cookie, not even one that deletes it; got %v", cookie)
			s.noSecret()
			s.wantNone(token)
		}
	}}
}

// noSecret requires that no session holds the value "secret".
func (s *suite) noSecret() {
	s.Helper()
	for _, rec := range s.each(s.b) {
		s.is(!strings.Contains(string(rec.Data), "secret"), "the data of an ended session are in no other")
	}
}
