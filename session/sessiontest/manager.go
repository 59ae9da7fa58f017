package sessiontest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/echoic-go/echoic/session"
)

var managerRules = []rule{
	{"what one server saves another reads, with its types", func(s *suite) {
		a, b := s.servers(session.Config{})
		now := time.Now().UTC().Round(0)
		cookie := a.visit("", func(ctx context.Context) {
			a.Put(ctx, "string", "héllo")
			a.Put(ctx, "int", 42)
			a.Put(ctx, "bytes", []byte{0, 255})
			a.Put(ctx, "time", now)
		})
		b.visit(cookie.Value, func(ctx context.Context) {
			s.is(b.GetString(ctx, "string") == "héllo", "a string survives")
			s.is(b.GetInt(ctx, "int") == 42, "an int survives")
			s.is(slices.Equal(b.GetBytes(ctx, "bytes"), []byte{0, 255}), "bytes survive")
			s.is(b.GetTime(ctx, "time").Equal(now), "a time survives")
		})
	}},
	{"visitors who put nothing into their session leave nothing", func(s *suite) {
		a, _ := s.servers(session.Config{IdleTimeout: time.Hour})
		for range 100 {
			for _, token := range []string{"", newKey()} {
				cookie := a.visit(token, func(ctx context.Context) {
					a.GetString(ctx, "x")
					a.Put(ctx, "x", 1)
					a.Remove(ctx, "x")
				})
				s.is(cookie == nil, "no cookie for an empty session; got %v", cookie)
			}
		}
		_, writes := a.store.calls()
		s.is(writes == 0 && len(s.each(s.a)) == 0, "no write for an empty session; got %d", writes)
	}},
	{"an untouched session costs no call, a read one, an unchanged one no write", func(s *suite) {
		a, _ := s.servers(session.Config{})
		token := s.start(a, "x")
		a.store.calls()
		a.visit(token, func(context.Context) {})
		reads, writes := a.store.calls()
		s.is(reads == 0 && writes == 0, "untouched: no call; got %d reads, %d writes", reads, writes)
		cookie := a.visit(token, func(ctx context.Context) { a.GetString(ctx, "x"); a.Exists(ctx, "y"); a.Token(ctx) })
		reads, writes = a.store.calls()
		s.is(reads == 1 && writes == 0 && cookie == nil, "read: one call; got %d reads, %d writes, cookie %v", reads, writes, cookie)
	}},
	{"an answer that is late does not put the old token in the place of a newer one", func(s *suite) {
		a, b := s.servers(session.Config{IdleTimeout: time.Hour})
		token := s.start(a, "cart")
		s.age(30 * time.Minute)
		reader, writer := a.open(token), a.open(token)
		a.GetString(reader, "cart")
		a.Put(writer, "x", 1)
		// They are saved before the login, and answered after it.
		late := []*http.Cookie{reader.finish(), writer.finish()}
		login := b.visit(token, func(ctx context.Context) { s.must(b.Login(ctx, "ann")) })
		s.is(login != nil && login.Value != token, "the login gets a cookie")
		s.is(late[0] == nil && late[1] == nil, "who has the cookie is not sent it again; got %v", late)
	}},
	{"an unknown token is never adopted, a malformed one never asked for", func(s *suite) {
		a, _ := s.servers(session.Config{})
		planted := newKey()
		cookie := a.visit(planted, func(ctx context.Context) { a.Put(ctx, "x", 1) })
		s.is(cookie != nil && cookie.Value != planted, "a session gets a token of its own")
		s.wantNone(planted)
		a.store.calls()
		for _, bad := range []string{"x", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("A", 42) + "*", strings.Repeat("A", 42) + "."} {
			a.visit(bad, func(ctx context.Context) { a.GetString(ctx, "x") })
		}
		reads, _ := a.store.calls()
		s.is(reads == 0, "malformed tokens do not reach the store; got %d reads", reads)
	}},
	{"reading keeps a session alive, with one write in a tenth of the idle timeout", func(s *suite) {
		a, b := s.servers(session.Config{IdleTimeout: time.Hour})
		token := s.start(a, "x")
		a.store.calls()
		read := func(srv *server) (writes int64) {
			srv.visit(token, func(ctx context.Context) { srv.GetString(ctx, "x") })
			_, writes = srv.store.calls()
			return writes
		}
		s.is(read(a) == 0, "a fresh session is not written")
		s.age(55 * time.Minute)
		s.is(read(a) == 0, "before a tenth is over nothing is written")
		s.age(50 * time.Minute)
		s.is(read(b) == 1, "after a tenth the expiry is moved")
		s.is(read(a) == 0, "and not again")
		rec, _ := s.fetch(s.a, token)
		s.is(time.Until(rec.Expiry) > 59*time.Minute, "the idle timeout starts again; expiry %v", rec.Expiry)
	}},
	{"a session does not outlive its deadline", func(s *suite) {
		a, b := s.servers(session.Config{Lifetime: time.Hour, IdleTimeout: 50 * time.Minute})
		token := s.start(a, "x")
		deadline := time.Now().Add(time.Hour)
		a.visit(token, func(ctx context.Context) { a.SetDeadline(ctx, time.Now().Add(20*time.Minute)) })
		rec, _ := s.fetch(s.a, token)
		s.is(rec.Expiry.Before(deadline.Add(-30*time.Minute)), "the store forgets it at its deadline")
		a.visit(token, func(ctx context.Context) { a.SetDeadline(ctx, time.Now().Add(-time.Second)) })
		s.update(s.a, token, session.Record{Expiry: deadline})
		b.visit(token, func(ctx context.Context) {
			s.is(!b.Exists(ctx, "x") && b.Token(ctx) == "", "a session past its deadline is not loaded, whatever the store says")
		})
	}},
	{"login rotates the token, logout removes the session", func(s *suite) {
		a, b := s.servers(session.Config{})
		anonymous := s.start(a, "cart")
		login := b.visit(anonymous, func(ctx context.Context) { s.must(b.Login(ctx, "ann")) })
		s.is(login != nil && login.Value != anonymous, "login gives a new token")
		s.wantNone(anonymous)
		a.visit(login.Value, func(ctx context.Context) {
			s.is(a.UserID(ctx) == "ann" && a.GetString(ctx, "cart") == "cart", "the user is logged in and keeps his values")
		})
		other := a.visit(login.Value, func(ctx context.Context) { s.must(a.Login(ctx, "bob")) })
		b.visit(other.Value, func(ctx context.Context) {
			s.is(b.UserID(ctx) == "bob" && !b.Exists(ctx, "cart"), "another user does not get the values")
		})
		logout := b.visit(other.Value, func(ctx context.Context) { s.must(b.Logout(ctx)) })
		s.is(logout != nil && logout.MaxAge < 0, "logout takes the cookie away; got %v", logout)
		s.is(len(s.each(s.a)) == 0, "logout leaves nothing")
	}},
	{"hashed tokens are not in the store", func(s *suite) {
		a, b := s.servers(session.Config{HashTokens: true})
		token := s.start(a, "x")
		s.wantNone(token)
		_, found := s.fetch(s.b, hashOf(token))
		s.is(found, "the key is the hash of scs's HashTokenInStore")
		b.visit(token, func(ctx context.Context) { s.is(b.GetString(ctx, "x") == "x", "the token opens the session") })
	}},
	{"iterating visits every session, which can be changed and destroyed", func(s *suite) {
		for _, hashed := range []bool{false, true} {
			a, b := s.servers(session.Config{HashTokens: hashed})
			for _, user := range []string{"ann", "ann", "bob"} {
				a.visit("", func(ctx context.Context) { s.must(a.Login(ctx, user)) })
			}
			seen := 0
			s.must(b.Iterate(s.Context(), func(ctx context.Context) error {
				seen++
				if b.UserID(ctx) == "ann" {
					return b.Destroy(ctx)
				}
				b.Put(ctx, "seen", true)
				_, _, err := b.Commit(ctx)
				return err
			}))
			s.is(seen == 3, "each session once; got %d", seen)
			left := s.each(s.a)
			s.is(len(left) == 1, "two were destroyed, one stays; got %d", len(left))
			for key := range left {
				s.remove(s.a, key)
			}
		}
	}},
	{"merging takes the values over and ends the other session", func(s *suite) {
		a, b := s.servers(session.Config{})
		source, target := s.start(a, "from"), s.start(a, "into")
		b.visit(target, func(ctx context.Context) {
			s.must(b.MergeSession(ctx, source))
			s.must(b.MergeSession(ctx, source)) // it is gone: nothing to do
		})
		s.wantNone(source)
		a.visit(target, func(ctx context.Context) {
			s.is(slices.Equal(a.Keys(ctx), []string{"from", "into"}), "both have their values; got %v", a.Keys(ctx))
			s.is(a.Status(ctx) == scs.Unmodified, "nothing is pending")
		})
	}},
}
