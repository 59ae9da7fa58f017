package sessiontest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/echoic-go/echoic/session"
)

// Opener returns two handles on one new, empty place that sessions are kept in,
// as two servers have them; for a store inside the process the same one twice. It
// closes them with t.Cleanup.
type Opener func(t *testing.T) (a, b session.Store)

// Run runs the whole suite on the stores that open returns. Subtests run in
// parallel and call open once each.
func Run(t *testing.T, open Opener) {
	t.Helper()
	for _, group := range []struct {
		name  string
		rules []rule
	}{
		{"Store", storeRules}, {"Expiry", expiryRules}, {"Concurrency", concurrencyRules}, {"Lister", listerRules},
		{"Index", indexRules}, {"Manager", managerRules}, {"Merge", mergeRules}, {"Ended", endedRules}, {"Revoke", revokeRules},
		{"Migrate", migrateRules}, {"Schedules", scheduleRules},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, rule := range group.rules {
				t.Run(rule.name, func(t *testing.T) {
					t.Parallel()
					a, b := open(t)
					rule.check(&suite{T: t, a: a, b: b})
				})
			}
		})
	}
}

// rule is one sentence of the contract.
type rule struct {
	name  string
	check func(*suite)
}

// suite is one subtest with its two stores.
type suite struct {
	*testing.T
	a, b session.Store
}

// newKey returns a key as the manager makes them.
func newKey() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashOf is what HashTokens makes of a token, as scs's HashTokenInStore does.
func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// record returns one that lives for d.
func record(data string, d time.Duration) session.Record {
	return session.Record{Data: []byte(data), Expiry: time.Now().Add(d)}
}

// The calls of a store, whose failure ends the test.

func (s *suite) insert(store session.Store, key string, rec session.Record) bool {
	s.Helper()
	inserted, err := store.Insert(s.Context(), key, rec)
	s.must(err)
	return inserted
}

func (s *suite) update(store session.Store, key string, rec session.Record) bool {
	s.Helper()
	updated, err := store.Update(s.Context(), key, rec)
	s.must(err)
	return updated
}

// swap needs the store to be a Swapper.
func (s *suite) swap(store session.Store, key, old string, rec session.Record) bool {
	s.Helper()
	swapper, ok := store.(session.Swapper)
	if !ok {
		s.Fatalf("%T does not implement session.Swapper", store)
	}
	swapped, err := swapper.Swap(s.Context(), key, []byte(old), rec)
	s.must(err)
	return swapped
}

func (s *suite) remove(store session.Store, key string) bool {
	s.Helper()
	removed, err := store.Remove(s.Context(), key)
	s.must(err)
	return removed
}

func (s *suite) fetch(store session.Store, key string) (session.Record, bool) {
	s.Helper()
	rec, found, err := store.Fetch(s.Context(), key)
	s.must(err)
	return rec, found
}

// wantData requires that both servers read data under key.
func (s *suite) wantData(key, data string) {
	s.Helper()
	for name, store := range map[string]session.Store{"a": s.a, "b": s.b} {
		rec, found := s.fetch(store, key)
		if !found || !bytes.Equal(rec.Data, []byte(data)) {
			s.Fatalf("server %s: Fetch gives %.40q, %v; want %.40q", name, rec.Data, found, data)
		}
	}
}

// wantNone requires that no server has anything under key.
func (s *suite) wantNone(key string) {
	s.Helper()
	for name, store := range map[string]session.Store{"a": s.a, "b": s.b} {
		if rec, found := s.fetch(store, key); found {
			s.Fatalf("server %s: Fetch finds %.40q until %v; want nothing", name, rec.Data, rec.Expiry)
		}
	}
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// is fails the test with the rule if it does not hold.
func (s *suite) is(holds bool, rule string, args ...any) {
	s.Helper()
	if !holds {
		s.Fatalf("rule broken: "+rule, args...)
	}
}

// eventually waits for what happens by the clock of the store.
func (s *suite) eventually(what string, condition func() bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			s.Fatalf("not within 10 s: %s", what)
		case <-tick.C:
		}
	}
}

// each returns everything in the store, which the suite needs to be a Lister.
func (s *suite) each(store session.Store) map[string]session.Record {
	s.Helper()
	lister, ok := store.(session.Lister)
	if !ok {
		s.Fatalf("%T does not implement session.Lister", store)
	}
	all := make(map[string]session.Record)
	for entry, err := range lister.Each(s.Context()) {
		s.must(err)
		all[entry.Key] = entry.Record
	}
	return all
}

// numbered is some data.
func numbered(n int) string { return fmt.Sprintf("value %d", n) }
