package sessiontest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/session"
)

// migrateRules: sessions of an application that did not hash its tokens.
var migrateRules = []rule{
	{"an old session is taken over with its token, and is at the old place no more", func(s *suite) {
		token, a, b := s.oldSession("cart")
		cookie := a.visit(token, func(ctx context.Context) { s.is(a.GetString(ctx, "cart") == "cart", "its values are there") })
		s.is(cookie == nil, "the client keeps its cookie")
		s.wantNone(token)
		_, there := s.fetch(s.b, hashOf(token))
		s.is(there, "it is stored under the hash")
		b.visit(token, func(ctx context.Context) { s.is(b.GetString(ctx, "cart") == "cart", "on every server") })
		a.store.calls()
		a.visit(token, func(ctx context.Context) { a.GetString(ctx, "cart") })
		reads, writes := a.store.calls()
		s.is(reads == 1 && writes == 0, "afterwards a read is one call; got %d reads, %d writes", reads, writes)
		s.is(len(s.each(s.a)) == 1, "there is one session")
	}},
	{"who has none gets none", func(s *suite) {
		_, a, _ := s.oldSession("cart")
		for _, token := range []string{newKey(), "", "x"} {
			a.visit(token, func(ctx context.Context) { s.is(!a.Exists(ctx, "cart"), "an unknown token opens nothing") })
		}
	}},
	{"a session that was taken over and has ended stays ended, whatever the old application does", func(s *suite) {
		for name, end := range map[string]func(srv *server, ctx context.Context){
			"logout":  func(srv *server, ctx context.Context) { s.must(srv.Logout(ctx)) },
			"renewal": func(srv *server, ctx context.Context) { s.must(srv.RenewToken(ctx)) },
			"login":   func(srv *server, ctx context.Context) { s.must(srv.Login(ctx, "ann")) },
		} {
			token, a, b := s.oldSession("secret")
			old, _ := s.fetch(s.a, token)
			a.visit(token, func(ctx context.Context) { end(a, ctx) })
			// A slow request of the old application saves blindly.
			s.insert(s.a, token, old)
			for range 2 {
				b.visit(token, func(ctx context.Context) {
					s.is(!b.Exists(ctx, "secret"), "%s: the old record brings nothing back", name)
				})
			}
			seen := 0
			s.must(b.Iterate(s.Context(), func(ctx context.Context) error {
				if b.Token(ctx) == hashOf(token) {
					seen++
				}
				return nil
			}))
			s.is(seen == 0, "%s: what is left is no session", name)
			s.remove(s.a, token)
		}
	}},
	{"a straggler does not bring a session back that was taken over", func(s *suite) {
		for name, goesOn := range map[string]func(r *request){
			"write":           func(r *request) { r.server.Put(r, "x", 1) },
			"read":            func(r *request) { r.server.GetString(r, "secret") },
			"commit":          func(r *request) { _, _, _ = r.server.Commit(r) },
			"embedded commit": func(r *request) { r.server.SessionManager.Put(r, "x", 1); _, _, _ = r.server.SessionManager.Commit(r) },
			"renewal":         func(r *request) { _ = r.server.RenewToken(r) },
		} {
			token, a, b := s.oldSession("secret")
			s.age(30 * time.Minute)
			slow := a.open(token)
			a.GetString(slow, "secret")
			b.visit(token, func(ctx context.Context) { s.must(b.Logout(ctx)) })
			goesOn(slow)
			s.is(slow.finish() == nil, "%s: no cookie", name)
			s.noSecret()
			b.visit(token, func(ctx context.Context) { s.is(!b.Exists(ctx, "secret"), "%s: it stays ended", name) })
		}
	}},
	{"of many requests that come at once each finds the session", func(s *suite) {
		for range 5 {
			token, a, b := s.oldSession("cart")
			var wg sync.WaitGroup
			var lost atomic.Int64
			for i := range 8 {
				srv := []*server{a, b}[i%2]
				wg.Go(func() {
					srv.visit(token, func(ctx context.Context) {
						if srv.GetString(ctx, "cart") != "cart" {
							lost.Add(1)
						}
						srv.Put(ctx, fmt.Sprint(i), i)
					})
				})
			}
			wg.Wait()
			s.is(lost.Load() == 0, "nobody loses it; %d did", lost.Load())
			b.visit(token, func(ctx context.Context) { s.is(len(b.Keys(ctx)) == 9, "and no change is lost; got %v", b.Keys(ctx)) })
			s.wantNone(token)
		}
	}},
	{"a logout at the same time as the take-over is final", func(s *suite) {
		for range 15 {
			token, a, b := s.oldSession("secret")
			var wg sync.WaitGroup
			for i := range 4 {
				srv := []*server{a, b}[i%2]
				wg.Go(func() { srv.visit(token, func(ctx context.Context) { srv.GetString(ctx, "secret") }) })
			}
			var had bool
			wg.Go(func() {
				b.visit(token, func(ctx context.Context) {
					had = b.Exists(ctx, "secret")
					s.must(b.Logout(ctx))
				})
			})
			wg.Wait()
			s.is(had, "the logout found the session")
			s.noSecret()
			a.visit(token, func(ctx context.Context) { s.is(!a.Exists(ctx, "secret"), "it has ended") })
		}
	}},
	{"a user's session that was taken over is his to see and to revoke", func(s *suite) {
		for name, end := range map[string]func(b *server, id string){
			"all": func(b *server, _ string) { s.revoked(b, 1, "ann") },
			"one": func(b *server, id string) { s.revoked(b, 1, "ann", id) },
		} {
			token, a, b := s.oldLogin("ann")
			s.is(s.user(a, token) == "ann", "%s: it is taken over", name)
			list := s.listed(b, "ann")
			s.is(len(list) == 1, "%s: it is listed; got %v", name, list)
			end(b, s.current(a, token))
			s.is(s.user(a, token) == "" && s.user(b, token) == "", "%s: it has ended", name)
		}
	}},
	{"a user's session that was revoked before it was taken over is not", func(s *suite) {
		for _, elsewhere := range []bool{false, true} {
			token, a, b := s.oldLogin("ann")
			if elsewhere { // where the index of this store does not know of it
				rec, _ := s.fetch(s.a, token)
				s.remove(s.a, token)
				s.insert(s.a, token, rec)
			}
			_, err := b.Revoke(s.Context(), "ann")
			s.must(err)
			s.is(s.user(a, token) == "" && s.user(b, token) == "", "it has ended")
			s.is(len(s.listed(b, "ann")) == 0, "nothing is listed")
		}
	}},
	{"a user's session that is revoked while it is taken over has ended", func(s *suite) {
		token, a, b := s.oldLogin("ann")
		rec, _ := s.fetch(s.a, token)
		s.remove(s.a, token)
		s.insert(s.a, token, rec)
		a.store.onSwap = func() { // the mark is there
			a.store.onSwap = nil
			_, err := b.Revoke(s.Context(), "ann")
			s.must(err)
		}
		s.is(s.user(a, token) == "", "who takes it over does not get it")
		s.is(a.store.onSwap == nil && s.user(b, token) == "", "it has ended")
	}},
	{"what a request has left that died in the middle does not last", func(s *suite) {
		token, a, _ := s.oldSession("cart")
		// Its mark, which is over.
		s.insert(s.a, hashOf(token), record("\xec\x53\x00migrating", brief))
		s.expires(hashOf(token))
		a.visit(token, func(ctx context.Context) { s.is(a.GetString(ctx, "cart") == "cart", "the session is taken over") })
		// One that is not over: another request goes on from there.
		token, a, _ = s.oldSession("cart")
		s.insert(s.a, hashOf(token), record("\xec\x53\x00migrating", time.Minute))
		a.visit(token, func(ctx context.Context) { s.is(a.GetString(ctx, "cart") == "cart", "the session is taken over") })
		// The old record is gone, and the data did not come: an outage, and no
		// empty session.
		lost := newKey()
		s.insert(s.a, hashOf(lost), record("\xec\x53\x00migrating", time.Minute))
		s.is(a.Preload(a.open(lost)) != nil, "a session in the air is not \"no session\"")
	}},
}

// oldLogin is oldSession with a user.
func (s *suite) oldLogin(user string) (token string, a, b *server) {
	s.Helper()
	_, a, b = s.oldSession("cart")
	return s.login(s.server(s.a, session.Config{IdleTimeout: time.Hour}), user), a, b
}

// oldSession makes a session without hashes, and servers that hash.
func (s *suite) oldSession(values ...string) (token string, a, b *server) {
	s.Helper()
	for key := range s.each(s.a) {
		s.remove(s.a, key)
	}
	old := s.server(s.a, session.Config{IdleTimeout: time.Hour})
	token = s.start(old, values...)
	a, b = s.servers(session.Config{IdleTimeout: time.Hour, HashTokens: true, Compat: session.Compat{UnhashedTokens: true}})
	return token, a, b
}
