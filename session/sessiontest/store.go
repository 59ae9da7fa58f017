package sessiontest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/session"
)

var storeRules = []rule{
	{"nothing is found where nothing was stored", func(s *suite) {
		key := newKey()
		s.wantNone(key)
		s.is(!s.remove(s.a, key), "Remove of nothing reports false")
		s.is(!s.update(s.a, key, record("x", time.Hour)), "Update of nothing reports false")
		s.is(!s.update(s.a, key, session.Record{Expiry: time.Now().Add(time.Hour)}), "Update of the expiry of nothing reports false")
		s.wantNone(key)
	}},
	{"what was inserted is found on every server, data and expiry", func(s *suite) {
		key, rec := newKey(), record("hello", 90*time.Minute)
		s.is(s.insert(s.a, key, rec), "Insert of a new key reports true")
		s.wantData(key, "hello")
		got, _ := s.fetch(s.b, key)
		s.is(got.Expiry.Sub(rec.Expiry).Abs() < 2*time.Second, "Fetch returns the expiry: got %v, want %v", got.Expiry, rec.Expiry)
	}},
	{"insert never overwrites", func(s *suite) {
		key := newKey()
		s.insert(s.a, key, record("first", time.Hour))
		s.is(!s.insert(s.b, key, record("second", time.Hour)), "Insert over a record reports false")
		s.wantData(key, "first")
	}},
	{"update replaces data and expiry", func(s *suite) {
		key, later := newKey(), record("second", 2*time.Hour)
		s.insert(s.a, key, record("first", time.Hour))
		s.is(s.update(s.b, key, later), "Update of a record reports true")
		s.wantData(key, "second")
		got, _ := s.fetch(s.a, key)
		s.is(got.Expiry.Sub(later.Expiry).Abs() < 2*time.Second, "Update moves the expiry: got %v, want %v", got.Expiry, later.Expiry)
	}},
	{"update without data moves only the expiry", func(s *suite) {
		key, expiry := newKey(), time.Now().Add(2*time.Hour)
		s.insert(s.a, key, record("data", time.Hour))
		s.is(s.update(s.b, key, session.Record{Expiry: expiry}), "Update of the expiry reports true")
		s.wantData(key, "data")
		got, _ := s.fetch(s.a, key)
		s.is(got.Expiry.Sub(expiry).Abs() < 2*time.Second, "Update moves the expiry: got %v, want %v", got.Expiry, expiry)
	}},
	{"a swap changes only what is as it was", func(s *suite) {
		key, later := newKey(), record("second", 2*time.Hour)
		s.is(!s.swap(s.a, key, "first", later), "Swap of nothing reports false")
		s.wantNone(key)
		s.insert(s.a, key, record("first", time.Hour))
		s.is(!s.swap(s.b, key, "firs", later) && !s.swap(s.b, key, "", later), "Swap of other data reports false")
		s.wantData(key, "first")
		s.is(s.swap(s.b, key, "first", later), "Swap of the data reports true")
		s.wantData(key, "second")
		got, _ := s.fetch(s.a, key)
		s.is(got.Expiry.Sub(later.Expiry).Abs() < 2*time.Second, "Swap moves the expiry: got %v, want %v", got.Expiry, later.Expiry)
		s.is(!s.swap(s.a, key, "first", later), "a second Swap of the old data reports false")
		s.remove(s.a, key)
		s.is(!s.swap(s.b, key, "second", later), "Swap after Remove reports false")
		s.wantNone(key)
	}},
	{"what was removed stays removed", func(s *suite) {
		key := newKey()
		s.insert(s.a, key, record("data", time.Hour))
		s.is(s.remove(s.b, key), "Remove of a record reports true")
		s.is(!s.remove(s.a, key), "the second Remove reports false")
		s.is(!s.update(s.a, key, record("again", time.Hour)), "Update after Remove reports false")
		s.is(!s.update(s.b, key, session.Record{Expiry: time.Now().Add(time.Hour)}), "moving the expiry after Remove reports false")
		s.wantNone(key)
	}},
	{"keys are apart", func(s *suite) {
		one, two := newKey(), newKey()
		s.insert(s.a, one, record("one", time.Hour))
		s.insert(s.a, two, record("two", time.Hour))
		s.remove(s.b, one)
		s.wantNone(one)
		s.wantData(two, "two")
	}},
	{"data are bytes of any kind and size", func(s *suite) {
		for _, data := range []string{"\x00", "\xff\xfe\x00'\"\\", "OK", strings.Repeat("0123456789abcdef", 1<<16)} {
			key := newKey()
			s.insert(s.a, key, record(data, time.Hour))
			s.wantData(key, data)
			s.update(s.a, key, record(data+"!", time.Hour))
			s.wantData(key, data+"!")
		}
	}},
	{"data are copied in and out", func(s *suite) {
		key, data := newKey(), []byte("mine")
		s.insert(s.a, key, session.Record{Data: data, Expiry: time.Now().Add(time.Hour)})
		data[0] = 'X'
		s.wantData(key, "mine")
		got, _ := s.fetch(s.a, key)
		got.Data[0] = 'Y'
		s.wantData(key, "mine")
		data = []byte("more")
		s.update(s.a, key, session.Record{Data: data, Expiry: time.Now().Add(time.Hour)})
		data[0] = 'X'
		s.wantData(key, "more")
	}},
	{"an ended context ends the call", func(s *suite) {
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		key := newKey()
		_, _, fetch := s.a.Fetch(ctx, key)
		_, insert := s.a.Insert(ctx, key, record("x", time.Hour))
		_, update := s.a.Update(ctx, key, record("x", time.Hour))
		_, remove := s.a.Remove(ctx, key)
		for call, err := range map[string]error{"Fetch": fetch, "Insert": insert, "Update": update, "Remove": remove} {
			s.is(errors.Is(err, context.Canceled), "%s under an ended context returns its error; got %v", call, err)
			s.is(err == nil || !strings.Contains(err.Error(), key), "errors never contain keys: %v", err)
		}
		s.wantNone(key)
	}},
}

// brief is a life that is over soon.
const brief = 60 * time.Millisecond

var expiryRules = []rule{
	{"what has expired is not found", func(s *suite) {
		key := newKey()
		s.insert(s.a, key, record("data", brief))
		s.expires(key)
		s.wantNone(key)
	}},
	{"what has expired is not updated", func(s *suite) {
		key := newKey()
		s.insert(s.a, key, record("data", brief))
		s.expires(key)
		s.is(!s.update(s.a, key, record("again", time.Hour)), "Update of an expired record reports false")
		s.is(!s.update(s.b, key, session.Record{Expiry: time.Now().Add(time.Hour)}), "moving the expiry of an expired record reports false")
		s.wantNone(key)
	}},
	{"removing what has expired reports false", func(s *suite) {
		key := newKey()
		s.insert(s.a, key, record("data", brief))
		s.expires(key)
		s.is(!s.remove(s.b, key), "Remove of an expired record reports false")
	}},
	{"an update can end a record early", func(s *suite) {
		key := newKey()
		s.insert(s.a, key, record("data", time.Hour))
		s.update(s.b, key, session.Record{Expiry: time.Now().Add(brief)})
		s.expires(key)
		s.wantNone(key)
	}},
	{"an update can keep a record alive", func(s *suite) {
		key := newKey()
		s.insert(s.a, key, record("data", time.Minute))
		s.update(s.b, key, session.Record{Expiry: time.Now().Add(time.Hour)})
		rec, found := s.fetch(s.a, key)
		s.is(found && time.Until(rec.Expiry) > 59*time.Minute, "the new expiry counts: %v", rec.Expiry)
	}},
}

// expires waits until both servers find nothing under key.
func (s *suite) expires(key string) {
	s.Helper()
	s.eventually("a record expires on both servers", func() bool {
		_, a := s.fetch(s.a, key)
		_, b := s.fetch(s.b, key)
		return !a && !b
	})
}

var concurrencyRules = []rule{
	{"of several inserts of a key one is told true", func(s *suite) {
		for range 10 {
			key := newKey()
			won := s.race(8, func(store session.Store, n int) (bool, error) {
				return store.Insert(s.Context(), key, record(numbered(n), time.Hour))
			})
			s.is(won == 1, "one Insert of one key succeeds; got %d", won)
		}
	}},
	{"of several removals of a record one is told true", func(s *suite) {
		for range 10 {
			key := newKey()
			s.insert(s.a, key, record("data", time.Hour))
			won := s.race(8, func(store session.Store, _ int) (bool, error) { return store.Remove(s.Context(), key) })
			s.is(won == 1, "one Remove of one record is told true; got %d", won)
		}
	}},
	{"an update never brings back what is removed at the same time", func(s *suite) {
		for range 20 {
			key := newKey()
			s.insert(s.a, key, record("data", time.Hour))
			s.race(6, func(store session.Store, n int) (bool, error) {
				switch n % 3 {
				case 0:
					return store.Remove(s.Context(), key)
				case 1:
					return store.Update(s.Context(), key, session.Record{Expiry: time.Now().Add(2 * time.Hour)})
				}
				return store.Update(s.Context(), key, record(numbered(n), time.Hour))
			})
			s.wantNone(key)
		}
	}},
}

// race makes n calls at once, half on each server, and counts those told true.
func (s *suite) race(n int, call func(store session.Store, n int) (bool, error)) int {
	s.Helper()
	var won atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		store := s.a
		if i%2 == 1 {
			store = s.b
		}
		wg.Go(func() {
			<-start
			ok, err := call(store, i)
			if err != nil {
				s.Errorf("call %d: %v", i, err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(won.Load())
}

var listerRules = []rule{
	{"every live session is listed on every server", func(s *suite) {
		want := make(map[string]string)
		for n := range 1200 { // more than a page
			key := newKey()
			want[key] = numbered(n)
			s.insert(s.a, key, record(numbered(n), time.Hour))
		}
		gone := newKey()
		s.insert(s.a, gone, record("gone", time.Hour))
		s.remove(s.a, gone)
		got := s.each(s.b)
		s.is(len(got) == len(want), "Each yields every session; got %d of %d", len(got), len(want))
		for key, data := range want {
			s.is(string(got[key].Data) == data, "Each yields the data: got %q, want %q", got[key].Data, data)
			s.is(time.Until(got[key].Expiry) > 59*time.Minute, "Each yields the expiry; got %v", got[key].Expiry)
		}
	}},
	{"expired sessions are not listed", func(s *suite) {
		short, long := newKey(), newKey()
		s.insert(s.a, short, record("short", brief))
		s.insert(s.a, long, record("long", time.Hour))
		s.eventually("an expired session leaves the list", func() bool {
			_, listed := s.each(s.a)[short]
			return !listed
		})
		s.is(len(s.each(s.b)) == 1, "live sessions stay in the list")
	}},
	{"sessions can be removed while they are listed", func(s *suite) {
		for n := range 20 {
			s.insert(s.a, newKey(), record(numbered(n), time.Hour))
		}
		for entry, err := range s.a.(session.Lister).Each(s.Context()) {
			s.must(err)
			s.is(s.remove(s.a, entry.Key), "a listed session can be removed")
		}
		s.is(len(s.each(s.b)) == 0, "nothing is left")
	}},
	{"a list can be left early", func(s *suite) {
		for n := range 3 {
			s.insert(s.a, newKey(), record(numbered(n), time.Hour))
		}
		for _, err := range s.a.(session.Lister).Each(s.Context()) {
			s.must(err)
			break
		}
		s.is(len(s.each(s.a)) == 3, "leaving early changes nothing")
	}},
}
