package cache_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

// leaky is a store of bytes that is away from time to time.
type leaky struct {
	cache.Store
	away atomic.Bool
}

var errAway = errors.New("the store is away")

func (s *leaky) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if s.away.Load() {
		return nil, false, errAway
	}
	return s.Store.Get(ctx, key)
}

func (s *leaky) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	if s.away.Load() {
		return false, errAway
	}
	return s.Store.Set(ctx, key, value, ttl, when)
}

func (s *leaky) Delete(ctx context.Context, keys ...string) (int, error) {
	if s.away.Load() {
		return 0, errAway
	}
	return s.Store.Delete(ctx, keys...)
}

// Incr is what the sequence of purges needs.
func (s *leaky) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error) {
	if s.away.Load() {
		return 0, errAway
	}
	return s.Store.(cache.Counter).Incr(ctx, key, delta, create)
}

// plan is a schedule: bytes say what happens next, also inside of loaders.
type plan struct {
	t      *testing.T
	bytes  []byte
	values cache.Typed[int64]
	store  *leaky
	now    atomic.Int64 // nanoseconds
	truth  int64
	must   int64 // the truth at the last acknowledged purge
	depth  int
}

func (p *plan) next() (op byte, more bool) {
	if len(p.bytes) == 0 {
		return 0, false
	}
	op, p.bytes = p.bytes[0], p.bytes[1:]
	return op, true
}

// step does what one byte says.
func (p *plan) step(op byte) {
	ctx := p.t.Context()
	switch op % 6 {
	case 0, 1:
		p.read(ctx)
	case 2:
		p.truth++
		if err := p.values.Purge(ctx, "tag"); err == nil {
			p.must = p.truth
		}
	case 3: // it may expire
		p.now.Add(int64(time.Duration(op) * time.Second))
	case 4:
		p.store.away.Store(true)
	case 5:
		p.store.away.Store(false)
	}
}

// read reads the value. Its loader sees the truth, and then other things happen
// before it returns. What a read finds is no older than what was purged before
// it began.
func (p *plan) read(ctx context.Context) {
	must := p.must
	key := "k"
	if p.depth > 0 { // a loader that waits for itself would wait for ever
		key = "k" + string(rune('0'+p.depth))
	}
	p.depth++
	defer func() { p.depth-- }()
	got, err := p.values.GetOrSet(ctx, key, func(context.Context) (int64, error) {
		seen := p.truth
		if p.depth < 4 {
			for range 2 {
				if op, more := p.next(); more {
					p.step(op)
				}
			}
		}
		return seen, nil
	}, cache.WithTags("tag"), cache.TTL(time.Minute))
	if err != nil && !p.store.away.Load() && !errors.Is(err, errAway) {
		p.t.Fatalf("a read failed: %v", err)
	}
	if err == nil && got < must {
		p.t.Fatalf("a read found %d, and %d was purged before it began", got, must)
	}
}

// FuzzSchedule runs schedules of fills, purges, expiry and outages, one inside of
// the other: nobody reads what was purged before.
func FuzzSchedule(f *testing.F) {
	f.Add([]byte{0, 2, 0, 0, 2, 2, 1, 0})
	f.Add([]byte{0, 4, 2, 5, 0, 0, 63, 0, 2, 0})
	f.Add([]byte{2, 0, 0, 2, 4, 2, 0, 5, 0, 0, 3, 255, 0})
	f.Fuzz(func(t *testing.T, schedule []byte) {
		if len(schedule) > 200 {
			return
		}
		p := &plan{t: t, bytes: schedule}
		clock := func() time.Time { return time.Unix(1_700_000_000, p.now.Load()) }
		inner, err := memory.New(memory.Config{Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		p.store = &leaky{Store: inner}
		c, err := cache.New(cache.Config{Store: p.store, IgnoreErrors: true, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		p.values = cache.Of[int64](c)
		for {
			op, more := p.next()
			if !more {
				break
			}
			p.step(op)
		}
		if err := errors.Join(c.Close(), inner.Close()); err != nil {
			t.Fatal(err)
		}
	})
}
