package null_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/cachetest"
	"github.com/echoic-go/echoic/cache/null"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	cachetest.Run(t, func(*testing.T) cache.Store { return null.New() }, cachetest.Caps{Null: true})
}

// calls are all that take a key.
var calls = []struct {
	name string
	do   func(ctx context.Context, s *null.Store, key string) error
}{
	{"Get", func(ctx context.Context, s *null.Store, key string) error { _, _, err := s.Get(ctx, key); return err }},
	{"Set", func(ctx context.Context, s *null.Store, key string) error {
		_, err := s.Set(ctx, key, nil, time.Hour, cache.Always)
		return err
	}},
	{"Delete", func(ctx context.Context, s *null.Store, key string) error {
		_, err := s.Delete(ctx, "good", key)
		return err
	}},
	{"GetMany", func(ctx context.Context, s *null.Store, key string) error {
		_, err := s.GetMany(ctx, []string{"good", key})
		return err
	}},
	{"SetMany", func(ctx context.Context, s *null.Store, key string) error {
		_, err := s.SetMany(ctx, []cache.Item{{Key: "good", TTL: 1}, {Key: key, TTL: 1}})
		return err
	}},
	{"Touch", func(ctx context.Context, s *null.Store, key string) error {
		_, err := s.Touch(ctx, key, time.Hour)
		return err
	}},
	{"TTL", func(ctx context.Context, s *null.Store, key string) error { _, _, err := s.TTL(ctx, key); return err }},
	{"Incr", func(ctx context.Context, s *null.Store, key string) error {
		_, err := s.Incr(ctx, key, 1, &cache.Initial{TTL: time.Hour})
		return err
	}},
	{"Swap", func(ctx context.Context, s *null.Store, key string) error {
		_, err := s.Swap(ctx, key, nil, nil, time.Hour)
		return err
	}},
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := null.New()
	for _, call := range calls {
		if err := call.do(t.Context(), s, strings.Repeat("k", 512)); err != nil {
			t.Errorf("%s with a good key: %v", call.name, err)
		}
		for name, key := range map[string]string{
			"empty": "", "too long": strings.Repeat("k", 513), "a line break": "a\nb", "not ASCII": "ü", "NUL": "a\x00",
		} {
			if err := call.do(t.Context(), s, key); !errors.Is(err, cache.ErrInvalidKey) || !strings.HasPrefix(err.Error(), "null: ") {
				t.Errorf("%s with a key that is %s: %v", call.name, name, err)
			}
		}
	}
}

func TestLifetimes(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), null.New()
	for _, ttl := range []time.Duration{0, -1, -time.Hour} {
		for name, do := range map[string]func() error{
			"Set":     func() error { _, err := s.Set(ctx, "k", nil, ttl, cache.Always); return err },
			"SetMany": func() error { _, err := s.SetMany(ctx, []cache.Item{{Key: "k", TTL: ttl}}); return err },
			"Touch":   func() error { _, err := s.Touch(ctx, "k", ttl); return err },
			"Incr":    func() error { _, err := s.Incr(ctx, "k", 1, &cache.Initial{TTL: ttl}); return err },
			"Swap":    func() error { _, err := s.Swap(ctx, "k", nil, []byte{}, ttl); return err },
		} {
			if err := do(); err == nil || !strings.Contains(err.Error(), "cache.Forever") {
				t.Errorf("%s with ttl %v: %v", name, ttl, err)
			}
		}
	}
	if _, err := s.Set(ctx, "k", nil, time.Hour, cache.When(9)); err == nil {
		t.Error("Set with an unknown When: no error")
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), null.New()
	for when, want := range map[cache.When]bool{cache.Always: true, cache.IfAbsent: true, cache.IfPresent: false} {
		if stored, err := s.Set(ctx, "k", []byte("x"), time.Hour, when); stored != want || err != nil {
			t.Errorf("Set when %d = %v, %v, want %v", when, stored, err, want)
		}
	}
	if v, found, err := s.Get(ctx, "k"); v != nil || found || err != nil {
		t.Errorf("Get = %q, %v, %v", v, found, err)
	}
	if values, err := s.GetMany(ctx, []string{"k", "k"}); len(values) != 2 || values[0] != nil || values[1] != nil || err != nil {
		t.Errorf("GetMany = %q, %v", values, err)
	}
	if _, err := s.Incr(ctx, "k", 1, nil); !errors.Is(err, cache.ErrNotFound) {
		t.Errorf("Incr = %v", err)
	}
	for range 2 {
		if n, err := s.Incr(ctx, "k", -2, &cache.Initial{Value: 10, TTL: time.Hour}); n != 8 || err != nil {
			t.Errorf("Incr = %d, %v", n, err)
		}
	}
	if _, err := s.Incr(ctx, "k", math.MaxInt64, &cache.Initial{Value: 1, TTL: time.Hour}); !errors.Is(err, cache.ErrOverflow) {
		t.Errorf("Incr beyond 64 bits = %v", err)
	}
	for key, err := range s.Keys(ctx, "") {
		t.Errorf("Keys yields %q, %v", key, err)
	}
}

func Example() {
	ctx := context.Background()
	c, err := cache.New(cache.Config{Store: null.New()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	for range 2 {
		quote, err := cache.Of[string](c).GetOrSet(ctx, "quote:1", func(context.Context) (string, error) {
			fmt.Println("loading")
			return "To be, or not to be", nil
		})
		fmt.Println(quote, err)
	}
	// Output:
	// loading
	// To be, or not to be <nil>
	// loading
	// To be, or not to be <nil>
}
