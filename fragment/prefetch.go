package fragment

import (
	"context"
	"html/template"
	"reflect"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// maxAhead is how many fragments of a loop are looked up in one trip; the others
// are looked up one by one.
const maxAhead = 1000

// ahead holds what was looked up before it was asked for.
type ahead struct {
	owner   *owner // who looks
	wanted  []request
	fetched map[fetchedKey]fetched
}

type fetchedKey struct {
	recs *shelf
	key  cache.Key
}

type fetched struct {
	rec   cache.Record[entry]
	found bool
	// others counts the renders of others that were over: one's own do not
	// store what one has not asked for yet.
	others uint64
}

// many is the template function that decides whether a loop looks ahead: it does
// where that saves a trip.
func (s *state) many(items any) bool {
	if s.set.frags == nil || !s.set.frags.remote {
		return false
	}
	v := reflect.ValueOf(items)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return (v.Kind() == reflect.Slice || v.Kind() == reflect.Array) && v.Len() > 1
}

// want is the template function that announces a block. What is wrong with its
// arguments is reported when the block itself is reached.
func (s *state) want(number int, args ...any) string {
	b := &s.set.blocks[number]
	if b.conditional {
		if truth, _ := template.IsTrue(args[0]); !truth {
			return ""
		}
		args = args[1:]
	}
	if b.hasTTL {
		s.announce(b.id, b.ttl, args)
		return ""
	}
	if ttl, err := parseTTL(args[0]); err == nil {
		s.announce(b.id, ttl, args[1:])
	}
	return ""
}

// wantPartial is want for partialCached.
func (s *state) wantPartial(name string, ttl any, vary ...any) string {
	if d, err := parseTTL(ttl); err == nil {
		s.announce(s.set.partials[name], d, vary)
	}
	return ""
}

func (s *state) announce(id *identity, ttl time.Duration, vary []any) {
	if ttl == 0 || len(s.ahead.wanted) >= maxAhead {
		return
	}
	req, err := s.set.frags.request(s.ctx, id, ttl, vary)
	if err == nil && !req.alone {
		s.ahead.wanted = append(s.ahead.wanted, req)
	}
}

// fetch is the template function that looks up what was announced.
func (s *state) fetch() string {
	s.ahead.owner = s.nestNow().owner
	s.set.frags.fetch(s.ctx, &s.ahead)
	return ""
}

// fetch looks up all that is wanted, in one trip for each cache.
func (f *Fragments) fetch(ctx context.Context, a *ahead) {
	others := f.locks.ended.Load() - a.owner.ended.Load()
	for len(a.wanted) > 0 {
		recs := a.wanted[0].recs
		var keys []cache.Key
		a.wanted = slices.DeleteFunc(a.wanted, func(r request) bool {
			if r.recs != recs {
				return false
			}
			keys = append(keys, r.key)
			return true
		})
		got, found, err := recs.GetMany(ctx, keys)
		if err != nil {
			f.storeFailed(ctx, "get many", err) // misses, all of them: asking again for each would take as long each time
		}
		if a.fetched == nil {
			a.fetched = map[fetchedKey]fetched{}
		}
		for i, key := range keys {
			a.fetched[fetchedKey{recs, key}] = fetched{got[i], found[i], others}
		}
	}
}

// take returns what was looked up for req. The next who asks for the same looks
// it up anew: it may have been rendered in between.
func (a *ahead) take(req *request) (got fetched, ok bool) {
	if a == nil || len(a.fetched) == 0 {
		return got, false
	}
	k := fetchedKey{req.recs, req.key}
	if got, ok = a.fetched[k]; ok {
		delete(a.fetched, k)
		req.ended = got.others + a.owner.ended.Load()
	}
	return got, ok
}

// forget drops what nobody asked for.
func (a *ahead) forget() {
	clear(a.wanted)
	a.wanted = a.wanted[:0]
	clear(a.fetched)
}
