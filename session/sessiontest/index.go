package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/echoic-go/echoic/session"
)

// indexRules: a store that knows whose sessions it keeps.
var indexRules = []rule{
	{"the sessions of a user are yielded on every server, and no others", func(s *suite) {
		ann, bob := newKey(), newKey()
		one, two, other, nobody := newKey(), newKey(), newKey(), newKey()
		s.insert(s.a, one, s.owned("1", ann, "l1", time.Hour))
		s.insert(s.b, two, s.owned("2", ann, "l2", time.Hour))
		s.insert(s.a, other, s.owned("3", bob, "l3", time.Hour))
		s.insert(s.a, nobody, record("4", time.Hour))
		s.wantOwned(ann, one, two)
		s.wantOwned(bob, other)
		s.wantOwned(newKey())
		s.wantData(one, "1")
		s.update(s.b, one, record("1b", 2*time.Hour))
		s.is(s.swap(s.a, two, "2", record("2b", time.Hour)), "a session of a user can be swapped")
		s.wantOwned(ann, one, two)
		s.remove(s.b, one)
		s.wantOwned(ann, two)
		s.is(len(s.each(s.b)) == 3, "Each yields sessions and nothing else; got %d of 3", len(s.each(s.b)))
	}},
	{"what has expired is not yielded, and what lives longer is", func(s *suite) {
		user, short := newKey(), newKey()
		long := s.prolonged(user)
		s.insert(s.a, short, s.owned("x", user, "l", brief))
		s.expires(short)
		s.wantOwned(user, long)
	}},
	{"hundreds of sessions of one user are all yielded", func(s *suite) {
		user := newKey()
		var want []string
		var wg sync.WaitGroup
		for range 600 {
			want = append(want, newKey())
		}
		for i := range 6 {
			wg.Go(func() {
				for _, key := range want[100*i : 100*i+100] {
					s.insert([]session.Store{s.a, s.b}[i%2], key, s.owned("x", user, "l", time.Hour))
				}
			})
		}
		wg.Wait()
		s.wantOwned(user, want...)
	}},
	{"a revoked login cannot be inserted, a later one can", func(s *suite) {
		user, old, fresh := newKey(), newKey(), newKey()
		rec := s.owned("x", user, "l", time.Hour)
		there := newKey()
		s.insert(s.a, there, rec)
		since := s.revoke(s.b, session.Revocation{User: user})
		s.is(since > rec.Owner.Since, "stamps grow: %d after %d", since, rec.Owner.Since)
		_, err := s.a.Insert(s.Context(), old, rec)
		s.is(errors.Is(err, session.ErrRevoked), "Insert of a revoked login returns ErrRevoked; got %v", err)
		s.wantNone(old)
		s.wantData(there, "x") // who revokes removes
		s.wantOwned(user, there)
		later := s.owned("y", user, "m", time.Hour)
		s.is(later.Owner.Since >= since, "a login after that has a later stamp: %d, %d", later.Owner.Since, since)
		s.is(s.insert(s.b, fresh, later), "a later login is inserted")
		later.Owner.Since = since
		s.is(s.insert(s.b, newKey(), later), "so is one with the stamp that Revoke returned")
		s.is(s.insert(s.a, newKey(), s.owned("z", newKey(), "l", time.Hour)), "and that of another user")
	}},
	{"one login can be revoked alone", func(s *suite) {
		user := newKey()
		one, two := s.owned("1", user, "l1", time.Hour), s.owned("2", user, "l2", time.Hour)
		s.revoke(s.a, session.Revocation{User: user, Login: "l1"})
		_, err := s.b.Insert(s.Context(), newKey(), one)
		s.is(errors.Is(err, session.ErrRevoked), "Insert of that login returns ErrRevoked; got %v", err)
		s.is(s.insert(s.b, newKey(), two), "another login of the user is inserted")
		one.Owner.User = newKey()
		s.is(s.insert(s.b, newKey(), one), "and one of that name of another user")
	}},
	{"who was revoked cannot revoke", func(s *suite) {
		user := newKey()
		one, two := s.owned("1", user, "l1", time.Hour).Owner, s.owned("2", user, "l2", time.Hour).Owner
		s.revoke(s.a, session.Revocation{User: user, By: one.Since})
		third := s.owned("3", user, "l3", time.Hour)
		_, err := s.b.(session.Indexer).Revoke(s.Context(), session.Revocation{User: user, By: two.Since, Until: time.Now().Add(time.Hour)})
		s.is(errors.Is(err, session.ErrRevoked), "Revoke by a revoked login returns ErrRevoked; got %v", err)
		s.is(s.insert(s.a, newKey(), third), "and revokes nothing")
	}},
	{"a login at the same time as a revocation is refused or found", func(s *suite) {
		for range 10 {
			user := newKey()
			var mu sync.Mutex
			inserted := make(map[string]bool)
			var wg sync.WaitGroup
			for i := range 6 {
				rec := s.owned("x", user, fmt.Sprint("l", i), time.Hour)
				wg.Go(func() {
					for range 5 {
						key := newKey()
						ok, err := []session.Store{s.a, s.b}[i%2].Insert(s.Context(), key, rec)
						if err != nil && !errors.Is(err, session.ErrRevoked) {
							s.Error(err)
						}
						mu.Lock()
						inserted[key] = ok
						mu.Unlock()
					}
				})
			}
			s.revoke(s.b, session.Revocation{User: user})
			for entry, err := range s.b.(session.Indexer).Owned(s.Context(), user) {
				s.must(err)
				s.remove(s.b, entry.Key)
			}
			wg.Wait()
			for key := range inserted {
				s.wantNone(key)
			}
			s.wantOwned(user)
		}
	}},
	{"an ended context ends the calls of the index", func(s *suite) {
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		user, rec, x := newKey(), s.owned("x", newKey(), "l", time.Hour), s.a.(session.Indexer)
		_, insert := s.a.Insert(ctx, newKey(), rec)
		_, stamp := x.Stamp(ctx, user)
		_, revoke := x.Revoke(ctx, session.Revocation{User: user, Until: time.Now().Add(time.Hour)})
		var owned error
		for _, err := range x.Owned(ctx, user) {
			owned = err
		}
		for call, err := range map[string]error{"Insert": insert, "Stamp": stamp, "Revoke": revoke, "Owned": owned} {
			s.is(errors.Is(err, context.Canceled), "%s under an ended context returns its error; got %v", call, err)
		}
	}},
}

// owned returns a record of a login of a user that begins now.
func (s *suite) owned(data, user, login string, d time.Duration) session.Record {
	s.Helper()
	rec := record(data, d)
	since, err := s.indexer(s.a).Stamp(s.Context(), user)
	s.must(err)
	rec.Owner = session.Owner{User: user, Login: login, Since: since, Until: rec.Expiry}
	return rec
}

// prolonged inserts a session of user that would be over by now, had it not been
// given an hour more. On a busy machine it may be over before that: then another is
// tried, with a longer life.
func (s *suite) prolonged(user string) string {
	s.Helper()
	for life := brief; ; life *= 2 {
		key, rec := newKey(), s.owned("y", user, "m", life)
		expiry := rec.Expiry
		rec.Owner.Until = time.Now().Add(time.Hour)
		s.insert(s.a, key, rec)
		if s.update(s.b, key, session.Record{Expiry: time.Now().Add(time.Hour)}) {
			time.Sleep(time.Until(expiry))
			return key
		}
		s.is(!time.Now().Before(expiry), "a session that is not over is there")
	}
}

func (s *suite) indexer(store session.Store) session.Indexer {
	s.Helper()
	x, ok := store.(session.Indexer)
	if !ok {
		s.Fatalf("%T does not implement session.Indexer", store)
	}
	return x
}

func (s *suite) revoke(store session.Store, r session.Revocation) int64 {
	s.Helper()
	r.Until = time.Now().Add(time.Hour)
	since, err := s.indexer(store).Revoke(s.Context(), r)
	s.must(err)
	return since
}

// wantOwned requires that both servers yield these keys for the user, and no
// others.
func (s *suite) wantOwned(user string, want ...string) {
	s.Helper()
	slices.Sort(want)
	for name, store := range map[string]session.Store{"a": s.a, "b": s.b} {
		var got []string
		for entry, err := range s.indexer(store).Owned(s.Context(), user) {
			s.must(err)
			got = append(got, entry.Key)
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			s.Fatalf("rule broken: server %s yields %d sessions of the user; want %d", name, len(got), len(want))
		}
	}
}
