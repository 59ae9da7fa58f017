package session

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// The getters of scs, with the keys of Config.Shareable told apart: what is made
// from these varies by their values, and is shared by all who have the same. All
// other reads are private, as are writes, Pop, Keys, Token, Status and whatever
// goes through the embedded manager.

// Get returns the value of key, or nil.
func (m *Manager) Get(ctx context.Context, key string) any {
	if value, _, ok := m.share(ctx, key); ok {
		return value
	}
	return m.SessionManager.Get(ctx, key)
}

// Exists reports whether there is a value under key.
func (m *Manager) Exists(ctx context.Context, key string) bool {
	if _, exists, ok := m.share(ctx, key); ok {
		return exists
	}
	return m.SessionManager.Exists(ctx, key)
}

// GetString returns the string under key, or "" if there is none.
func (m *Manager) GetString(ctx context.Context, key string) string { return get[string](m, ctx, key) }

// GetBool returns the bool under key, or false if there is none.
func (m *Manager) GetBool(ctx context.Context, key string) bool { return get[bool](m, ctx, key) }

// GetInt returns the int under key, or 0 if there is none.
func (m *Manager) GetInt(ctx context.Context, key string) int { return get[int](m, ctx, key) }

// GetInt32 returns the int32 under key, or 0 if there is none.
func (m *Manager) GetInt32(ctx context.Context, key string) int32 { return get[int32](m, ctx, key) }

// GetInt64 returns the int64 under key, or 0 if there is none.
func (m *Manager) GetInt64(ctx context.Context, key string) int64 { return get[int64](m, ctx, key) }

// GetFloat returns the float64 under key, or 0 if there is none.
func (m *Manager) GetFloat(ctx context.Context, key string) float64 {
	return get[float64](m, ctx, key)
}

// GetBytes returns the []byte under key, or nil if there is none.
func (m *Manager) GetBytes(ctx context.Context, key string) []byte { return get[[]byte](m, ctx, key) }

// GetTime returns the time under key, or the zero time if there is none.
func (m *Manager) GetTime(ctx context.Context, key string) time.Time {
	return get[time.Time](m, ctx, key)
}

func get[T any](m *Manager, ctx context.Context, key string) T {
	value, _ := m.Get(ctx, key).(T)
	return value
}

// share reads a declared key and lets what is being made under ctx vary by its
// value. It is not ok for what has to be read as private.
func (m *Manager) share(ctx context.Context, key string) (value any, exists, ok bool) {
	if !slices.Contains(m.cfg.Shareable, key) {
		return nil, false, false
	}
	v := m.visit(ctx)
	if v == nil || v.varied == nil || isApart(ctx, m) || v.assumed == nil && v.load() != nil {
		return nil, false, false
	}
	value, pair, ok := v.pair(key)
	if !ok {
		return nil, false, false
	}
	v.varied.read.Store(true)
	cache.ScopeOf(v.Context).Vary(pair)
	scope := cache.ScopeOf(ctx)
	scope.Vary(pair)
	v.varied.tell(scope, pair)
	return value, !pair.Absent, true
}

// Variant implements [cache.Variants]: it returns the present value of a key of
// Config.Shareable in the session of ctx. Nothing becomes private or varies by
// it, but the answer of the request is marked private for browsers and proxies,
// since who asks serves what was made for the value.
func (m *Manager) Variant(ctx context.Context, name string) (cache.Pair, error) {
	v := m.visit(ctx)
	switch {
	case v == nil:
		return cache.Pair{}, ErrUnmanaged
	case v.varied == nil || !slices.Contains(m.cfg.Shareable, name):
		if outer, ok := v.Context.Value(cache.VariantsKey{}).(cache.Variants); ok {
			return outer.Variant(v.Context, name)
		}
		return cache.Pair{}, fmt.Errorf("session: nothing varies by %q: declare it in Config.Shareable", name)
	}
	if v.assumed == nil && v.load() != nil {
		return cache.Pair{}, v.err
	}
	_, pair, ok := v.pair(name)
	switch {
	case !ok && v.assumed != nil:
		return cache.Pair{}, errAssumed
	case !ok:
		return cache.Pair{}, fmt.Errorf("session: the value of %q cannot be shared: use a string of at most %d bytes, a bool or a number", name, maxShared)
	}
	v.varied.asked.Store(true)
	return pair, nil
}

// pair returns the value of key and the pair that stands for it.
func (v *visit) pair(key string) (value any, pair cache.Pair, ok bool) {
	if v.assumed != nil {
		return v.assumedPair(key)
	}
	scs, own := v.m.SessionManager, v.view(v.Context, 0)
	if value = scs.Get(own, key); value == nil {
		return nil, cache.Pair{Name: key, Absent: true}, !scs.Exists(own, key)
	}
	text, ok := stable(value)
	return value, cache.Pair{Name: key, Value: text}, ok
}

// maxShared bounds a value that pages are kept for.
const maxShared = 256

// stable writes a value so that different ones differ, whatever their type. A
// string stands for itself; no other value looks like it.
func stable(value any) (text string, ok bool) {
	switch x := value.(type) {
	case string:
		return x, len(x) <= maxShared && !strings.HasPrefix(x, "\x00")
	case bool:
		return "\x00bool " + strconv.FormatBool(x), true
	case int:
		return "\x00int " + strconv.Itoa(x), true
	case int32:
		return "\x00int32 " + strconv.FormatInt(int64(x), 10), true
	case int64:
		return "\x00int64 " + strconv.FormatInt(x, 10), true
	case float64:
		return "\x00float64 " + strconv.FormatFloat(x, 'g', -1, 64), !math.IsNaN(x)
	}
	return "", false
}
