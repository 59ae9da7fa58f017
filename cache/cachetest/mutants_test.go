package cachetest_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

// mutant is a store with one flaw, most of which exist in the wild, and the
// check that must find it.
type mutant struct {
	name  string
	check string // the rest of the subtest's name
	make  func(*memory.Store) cache.Store
}

// mutable is a store whose calls can be replaced one by one.
type mutable struct {
	*memory.Store
	get     func(ctx context.Context, key string) ([]byte, bool, error)
	set     func(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error)
	del     func(ctx context.Context, keys ...string) (int, error)
	getMany func(ctx context.Context, keys []string) ([][]byte, error)
	setMany func(ctx context.Context, items []cache.Item) ([]string, error)
	touch   func(ctx context.Context, key string, ttl time.Duration) (bool, error)
	ttl     func(ctx context.Context, key string) (time.Duration, bool, error)
	incr    func(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error)
	swap    func(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error)
	keys    func(ctx context.Context, prefix string) iter.Seq2[string, error]
	closing func() error
}

// mutate makes a mutant's constructor out of what it changes.
func mutate(change func(m *mutable)) func(*memory.Store) cache.Store {
	return func(s *memory.Store) cache.Store {
		m := &mutable{Store: s, get: s.Get, set: s.Set, del: s.Delete, getMany: s.GetMany, setMany: s.SetMany, touch: s.Touch,
			ttl: s.TTL, incr: s.Incr, swap: s.Swap, keys: s.Keys, closing: s.Close}
		change(m)
		return hideObjects{m}
	}
}

// hideObjects leaves of a mutable the powers that the suite is told of.
type hideObjects struct{ m *mutable }

func (h hideObjects) Get(ctx context.Context, key string) ([]byte, bool, error) {
	return h.m.get(ctx, key)
}
func (h hideObjects) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	return h.m.set(ctx, key, value, ttl, when)
}
func (h hideObjects) Delete(ctx context.Context, keys ...string) (int, error) {
	return h.m.del(ctx, keys...)
}
func (h hideObjects) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	return h.m.getMany(ctx, keys)
}
func (h hideObjects) SetMany(ctx context.Context, items []cache.Item) ([]string, error) {
	return h.m.setMany(ctx, items)
}
func (h hideObjects) Touch(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	return h.m.touch(ctx, key, ttl)
}
func (h hideObjects) TTL(ctx context.Context, key string) (time.Duration, bool, error) {
	return h.m.ttl(ctx, key)
}
func (h hideObjects) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error) {
	return h.m.incr(ctx, key, delta, create)
}
func (h hideObjects) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	return h.m.swap(ctx, key, old, value, ttl)
}
func (h hideObjects) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return h.m.keys(ctx, prefix)
}
func (h hideObjects) Close() error { return h.m.closing() }

var mutants = []mutant{
	{"rounds lifetimes up to seconds", "Lifetime/Fractions", mutate(func(m *mutable) {
		m.set = func(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
			return m.Store.Set(ctx, key, value, max(ttl.Round(time.Second), time.Second), when)
		}
	})},
	{"cuts lifetimes to seconds", "Lifetime/Fractions", mutate(func(m *mutable) {
		m.set = func(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
			return m.Store.Set(ctx, key, value, ttl.Truncate(time.Second), when)
		}
	})},
	{"takes more than 30 days for a date", "Lifetime/Long", mutate(func(m *mutable) {
		m.set = func(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
			if ttl > 30*24*time.Hour && ttl != cache.Forever {
				ttl = time.Millisecond
			}
			return m.Store.Set(ctx, key, value, ttl, when)
		}
	})},
	{"lengthens lifetimes when read", "Lifetime/Reading", mutate(func(m *mutable) {
		m.get = func(ctx context.Context, key string) ([]byte, bool, error) {
			if left, found, err := m.TTL(ctx, key); err == nil && found && left != cache.Forever {
				if _, err := m.Store.Touch(ctx, key, max(left, time.Minute)); err != nil {
					return nil, false, err
				}
			}
			return m.Store.Get(ctx, key)
		}
	})},
	{"takes an empty value for a miss", "Get/EmptyValue", mutate(func(m *mutable) {
		m.get = func(ctx context.Context, key string) ([]byte, bool, error) {
			v, _, err := m.Store.Get(ctx, key)
			return v, len(v) > 0, err
		}
	})},
	{"reuses the slice that it returned", "Get/Held", mutate(func(m *mutable) {
		var shared [1 << 20]byte
		m.get = func(ctx context.Context, key string) ([]byte, bool, error) {
			v, found, err := m.Store.Get(ctx, key)
			return shared[:copy(shared[:], v)], found, err
		}
		m.set = func(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
			copy(shared[:], value)
			return m.Store.Set(ctx, key, value, ttl, when)
		}
	})},
	{"does not tell upper from lower case", "Get/Keys", mutate(func(m *mutable) {
		m.get = func(ctx context.Context, key string) ([]byte, bool, error) {
			return m.Store.Get(ctx, strings.ToLower(key))
		}
		m.set = func(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
			return m.Store.Set(ctx, strings.ToLower(key), value, ttl, when)
		}
	})},
	{"looks before it stores", "When/RaceIfAbsent", mutate(func(m *mutable) {
		m.set = func(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
			if when == cache.IfAbsent {
				if _, found, err := m.Store.Get(ctx, key); found || err != nil {
					return false, err
				}
				for range 1000 { // as a round trip to a server would
					runtime.Gosched()
				}
			}
			return m.Store.Set(ctx, key, value, ttl, cache.Always)
		}
	})},
	{"counts the keys it was given", "Delete/Counts", mutate(func(m *mutable) {
		m.del = func(ctx context.Context, keys ...string) (int, error) {
			_, err := m.Store.Delete(ctx, keys...)
			return len(keys), err
		}
	})},
	{"does not look at the context", "Validation/Canceled/Set", mutate(func(m *mutable) {
		m.set = func(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
			return m.Store.Set(context.WithoutCancel(ctx), key, value, ttl, when)
		}
	})},
	{"changes something for a cancelled call", "Validation/Canceled/Incr", mutate(func(m *mutable) {
		m.incr = func(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error) {
			if _, err := m.Store.Incr(context.WithoutCancel(ctx), key, delta, create); err != nil {
				return 0, err
			}
			return 0, ctx.Err()
		}
	})},
	{"cannot be closed twice", "Validation/CloseTwice", mutate(func(m *mutable) {
		closed := false
		m.closing = func() error {
			if closed {
				return errors.New("already closed")
			}
			closed = true
			return m.Store.Close()
		}
	})},
	{"works after Close", "Validation/Closed/Get", mutate(func(m *mutable) { m.closing = func() error { return nil } })},
	{"drops what is asked for twice", "ManyStore/GetDuplicates", mutate(func(m *mutable) {
		m.getMany = func(ctx context.Context, keys []string) ([][]byte, error) {
			values, err := m.Store.GetMany(ctx, keys)
			seen := make(map[string]bool)
			for i, key := range keys {
				if seen[key] {
					values[i] = nil
				}
				seen[key] = true
			}
			return values, err
		}
	})},
	{"keeps the first of two", "ManyStore/SetDuplicates", mutate(func(m *mutable) {
		m.setMany = func(ctx context.Context, items []cache.Item) ([]string, error) {
			for i := range items {
				if _, err := m.Store.SetMany(ctx, items[len(items)-1-i:len(items)-i]); err != nil {
					return nil, err
				}
			}
			return nil, nil
		}
	})},
	{"says that forever cannot be made longer", "Expirer/TouchForeverAgain", mutate(func(m *mutable) {
		m.touch = func(ctx context.Context, key string, ttl time.Duration) (bool, error) {
			if left, _, err := m.Store.TTL(ctx, key); err != nil || left == ttl {
				return false, err
			}
			return m.Store.Touch(ctx, key, ttl)
		}
	})},
	{"says -1 for forever", "Expirer/TTLForever", mutate(func(m *mutable) {
		m.ttl = func(ctx context.Context, key string) (time.Duration, bool, error) {
			left, found, err := m.Store.TTL(ctx, key)
			if left == cache.Forever {
				left = -1
			}
			return left, found, err
		}
	})},
	{"adds in two steps", "Counter/Race$", mutate(func(m *mutable) { m.incr = incrInSteps(m, true) })},
	{"resets the lifetime when it adds", "Counter/KeepsLifetime", mutate(func(m *mutable) { m.incr = incrInSteps(m, false) })},
	{"wraps around", "Counter/Overflow$", mutate(func(m *mutable) { m.incr = incrInSteps(m, true) })},
	{"takes text for zero", "Counter/NotInteger", mutate(func(m *mutable) { m.incr = incrInSteps(m, true) })},
	{"removes nothing for nil", "Swapper/Removes", mutate(func(m *mutable) {
		m.swap = func(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
			return m.Store.Swap(ctx, key, old, append([]byte{}, value...), ttl)
		}
	})},
	{"compares in two steps", "Swapper/Race$", mutate(func(m *mutable) {
		m.swap = func(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
			now, found, err := m.Store.Get(ctx, key)
			if err != nil || !found || !bytes.Equal(now, old) {
				return false, err
			}
			for range 1000 {
				runtime.Gosched()
			}
			return m.Store.Set(ctx, key, value, ttl, cache.Always)
		}
	})},
	{"takes the prefix for a pattern", "Lister/Literal", mutate(func(m *mutable) {
		m.keys = func(ctx context.Context, prefix string) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				for key, err := range m.Store.Keys(ctx, "") {
					if ok, bad := path.Match(prefix+"*", key); err == nil && (bad != nil || !ok) {
						continue
					}
					if !yield(key, err) {
						return
					}
				}
			}
		}
	})},
	{"lists the first thousand", "Lister/Thousands", mutate(func(m *mutable) {
		m.keys = func(ctx context.Context, prefix string) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				n := 0
				for key, err := range m.Store.Keys(ctx, prefix) {
					if n++; n > 1000 || !yield(key, err) {
						return
					}
				}
			}
		}
	})},
}

// incrInSteps is Incr by Get and Set, as a first attempt looks.
func incrInSteps(m *mutable, keepTTL bool) func(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error) {
	return func(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error) {
		old, found, err := m.Store.Get(ctx, key)
		if err != nil {
			return 0, err
		}
		ttl := cache.Forever
		switch {
		case found && keepTTL:
			if ttl, _, err = m.Store.TTL(ctx, key); err != nil {
				return 0, err
			}
		case !found && create == nil:
			return 0, cache.ErrNotFound
		case !found:
			old, ttl = []byte(strconv.FormatInt(create.Value, 10)), create.TTL
		}
		n, err := strconv.ParseInt(string(old), 10, 64)
		if err != nil {
			n = 0
		}
		runtime.Gosched()
		_, err = m.Store.Set(ctx, key, strconv.AppendInt(nil, n+delta, 10), ttl, cache.Always)
		return n + delta, err
	}
}
