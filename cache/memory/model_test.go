package memory_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

// model is what a Store must do, in the plainest form: a map, looked at by a
// clock that only the test moves.
type model struct {
	now     int64 // nanoseconds
	entries map[string]modelEntry
}

type modelEntry struct {
	value   string
	object  any // nil for a byte value
	expires int64
}

func (m *model) get(key string) (modelEntry, bool) {
	e, ok := m.entries[key]
	if ok && e.expires <= m.now {
		delete(m.entries, key)
		return modelEntry{}, false
	}
	return e, ok
}

func (m *model) expiry(ttl time.Duration) int64 {
	if int64(ttl) > math.MaxInt64-m.now { // Forever, or as good as
		return math.MaxInt64
	}
	return m.now + int64(max(ttl, time.Millisecond))
}

func (m *model) set(key, value string, ttl time.Duration, when cache.When) bool {
	_, found := m.get(key)
	if (when == cache.IfAbsent && found) || (when == cache.IfPresent && !found) {
		return false
	}
	m.entries[key] = modelEntry{value: value, expires: m.expiry(ttl)}
	return true
}

func (m *model) incr(key string, delta int64, create *cache.Initial) (int64, error) {
	e, found := m.get(key)
	from := int64(0)
	switch {
	case found:
		n, err := strconv.ParseInt(e.value, 10, 64)
		if err != nil || e.object != nil || strconv.FormatInt(n, 10) != e.value {
			return 0, cache.ErrNotInteger
		}
		from = n
	case create == nil:
		return 0, cache.ErrNotFound
	default:
		from, e.expires = create.Value, m.expiry(create.TTL)
	}
	sum := from + delta
	if (delta > 0) != (sum > from) && delta != 0 {
		return 0, cache.ErrOverflow
	}
	e.value = strconv.FormatInt(sum, 10)
	m.entries[key] = e
	return sum, nil
}

// pair is the store and its model, which get every operation.
type pair struct {
	*testing.T
	seed  uint64
	step  int
	store *memory.Store
	model *model
	rand  *rand.Rand
}

func (p *pair) same(op string, got, want any) {
	p.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		p.Fatalf("seed %d, step %d: %s = %v, want %v", p.seed, p.step, op, got, want)
	}
}

func (p *pair) sameError(op string, got, want error) {
	p.Helper()
	if !errors.Is(got, want) {
		p.Fatalf("seed %d, step %d: %s returned %v, want %v", p.seed, p.step, op, got, want)
	}
}

func (p *pair) key() string { return "key" + strconv.Itoa(p.rand.IntN(12)) }

func (p *pair) value() string {
	return []string{"", "a", "7", "-3", "007", "9223372036854775807", "\x00"}[p.rand.IntN(7)]
}

func (p *pair) ttl() time.Duration {
	return []time.Duration{cache.Forever, 1, time.Millisecond, time.Second, time.Hour, cache.Forever - 1}[p.rand.IntN(6)]
}

// show makes what both return comparable.
func show(values ...any) string { return fmt.Sprintf("%q", fmt.Sprint(values...)) }

var modelOps = []func(p *pair){
	func(p *pair) { p.model.now += p.rand.Int64N(int64(2 * time.Millisecond)) },
	func(p *pair) { p.model.now += p.rand.Int64N(int64(2 * time.Hour)) },
	func(p *pair) {
		key := p.key()
		got, found, err := p.store.Get(p.Context(), key)
		e, ok := p.model.get(key)
		p.sameError("Get", err, nil)
		p.same("Get", show(string(got), found), show(e.value, ok && e.object == nil))
	},
	func(p *pair) {
		key := p.key()
		got, found := p.store.Object(key)
		e, ok := p.model.get(key)
		p.same("Object", show(got, found), show(e.object, ok && e.object != nil))
	},
	func(p *pair) {
		key, value, ttl, when := p.key(), p.value(), p.ttl(), cache.When(p.rand.IntN(3))
		stored, err := p.store.Set(p.Context(), key, []byte(value), ttl, when)
		p.sameError("Set", err, nil)
		p.same("Set", stored, p.model.set(key, value, ttl, when))
	},
	func(p *pair) {
		key, ttl, object := p.key(), p.ttl(), p.rand.Int()
		p.same("SetObject", p.store.SetObject(key, object, 10, ttl), true)
		p.model.entries[key] = modelEntry{object: object, expires: p.model.expiry(ttl)}
	},
	func(p *pair) {
		keys := []string{p.key(), p.key(), p.key()}
		removed, err := p.store.Delete(p.Context(), keys...)
		p.sameError("Delete", err, nil)
		want := 0
		for _, key := range keys {
			if _, ok := p.model.get(key); ok {
				want++
				delete(p.model.entries, key)
			}
		}
		p.same("Delete", removed, want)
	},
	func(p *pair) {
		keys := []string{p.key(), p.key(), p.key()}
		values, err := p.store.GetMany(p.Context(), keys)
		p.sameError("GetMany", err, nil)
		for i, key := range keys {
			e, ok := p.model.get(key)
			ok = ok && e.object == nil
			p.same("GetMany", show(string(values[i]), values[i] != nil), show(e.value, ok))
		}
	},
	func(p *pair) {
		var items []cache.Item
		for range p.rand.IntN(4) {
			item := cache.Item{Key: p.key(), Value: []byte(p.value()), TTL: p.ttl()}
			items = append(items, item)
			p.model.set(item.Key, string(item.Value), item.TTL, cache.Always)
		}
		failed, err := p.store.SetMany(p.Context(), items)
		p.sameError("SetMany", err, nil)
		p.same("SetMany", len(failed), 0)
	},
	func(p *pair) {
		key, ttl := p.key(), p.ttl()
		found, err := p.store.Touch(p.Context(), key, ttl)
		p.sameError("Touch", err, nil)
		e, ok := p.model.get(key)
		if ok {
			e.expires = p.model.expiry(ttl)
			p.model.entries[key] = e
		}
		p.same("Touch", found, ok)
	},
	func(p *pair) {
		key := p.key()
		ttl, found, err := p.store.TTL(p.Context(), key)
		p.sameError("TTL", err, nil)
		e, ok := p.model.get(key)
		want := time.Duration(0)
		if ok {
			if want = cache.Forever; e.expires != math.MaxInt64 {
				want = time.Duration(e.expires - p.model.now)
			}
		}
		p.same("TTL", show(ttl, found), show(want, ok))
	},
	func(p *pair) {
		key, delta := p.key(), []int64{1, -1, 0, math.MaxInt64, math.MinInt64}[p.rand.IntN(5)]
		var create *cache.Initial
		if p.rand.IntN(2) == 0 {
			create = &cache.Initial{Value: int64(p.rand.IntN(3) - 1), TTL: p.ttl()}
		}
		sum, err := p.store.Incr(p.Context(), key, delta, create)
		want, wantErr := p.model.incr(key, delta, create)
		p.sameError("Incr", err, wantErr)
		p.same("Incr", sum, want)
	},
	func(p *pair) {
		key, old, value, ttl := p.key(), p.value(), []byte(p.value()), p.ttl()
		if p.rand.IntN(3) == 0 {
			value = nil
		}
		swapped, err := p.store.Swap(p.Context(), key, []byte(old), value, ttl)
		p.sameError("Swap", err, nil)
		e, ok := p.model.get(key)
		ok = ok && e.object == nil && e.value == old
		switch {
		case ok && value == nil:
			delete(p.model.entries, key)
		case ok:
			p.model.set(key, string(value), ttl, cache.Always)
		}
		p.same("Swap", swapped, ok)
	},
	func(p *pair) {
		prefix := []string{"", "key", "key1", "other"}[p.rand.IntN(4)]
		var got, want []string
		for key, err := range p.store.Keys(p.Context(), prefix) {
			p.sameError("Keys", err, nil)
			got = append(got, key)
		}
		for key := range maps.Clone(p.model.entries) {
			if _, ok := p.model.get(key); ok && strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		p.same("Keys", slices.Compact(got), want)
	},
}

func runModel(t *testing.T, seed uint64) {
	m := &model{now: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC).UnixNano(), entries: map[string]modelEntry{}}
	// The store's own goroutine must not read the clock while the test moves it.
	clock := make(chan int64, 1)
	clock <- m.now
	s := open(t, memory.Config{Now: func() time.Time {
		now := <-clock
		clock <- now
		return time.Unix(0, now)
	}})
	p := &pair{T: t, seed: seed, store: s, model: m, rand: rand.New(rand.NewPCG(seed, seed))}
	for p.step = range 400 {
		modelOps[p.rand.IntN(len(modelOps))](p)
		<-clock
		clock <- m.now
	}
	var bytes int64
	for key := range maps.Clone(m.entries) {
		if e, ok := m.get(key); ok {
			size := len(e.value)
			if e.object != nil {
				size = 10
			}
			bytes += int64(len(key) + size + 256)
		}
	}
	for range p.store.Keys(t.Context(), "") { // reading lets expired ones be noticed
	}
	if s.Evictions() != 0 || s.Bytes() < bytes {
		t.Errorf("seed %d: %d bytes and %d evicted, want at least %d and none", seed, s.Bytes(), s.Evictions(), bytes)
	}
}

func TestAgainstModel(t *testing.T) {
	t.Parallel()
	for range 150 {
		runModel(t, rand.Uint64())
	}
}

func FuzzAgainstModel(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(runModel)
}
