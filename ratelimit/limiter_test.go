package ratelimit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/ratelimit"
	"github.com/echoic-go/echoic/ratelimit/memory"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newStore(t testing.TB) ratelimit.Store {
	t.Helper()
	store, err := memory.New(memory.Config{})
	must(t, err)
	return store
}

func open(t testing.TB, cfg ratelimit.Config) *ratelimit.Limiter {
	t.Helper()
	l, err := ratelimit.New(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

func take(t testing.TB, l *ratelimit.Limiter, asks ...ratelimit.Ask) ratelimit.Decision {
	t.Helper()
	d, err := l.Take(t.Context(), asks...)
	must(t, err)
	return d
}

func TestBurstAndRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, ratelimit.Config{Store: newStore(t)})
		ask := ratelimit.Ask{Limit: ratelimit.Limit{Requests: 10, Period: 10 * time.Second, Burst: 3}, Key: "a"}
		for want := 2; want >= 0; want-- {
			d := take(t, l, ask)
			if !d.Allowed || d.Local || d.RetryAfter != 0 || d.States[0].Remaining != want || d.States[0].Reset != time.Duration(3-want)*time.Second {
				t.Fatalf("%d left: %+v", want, d)
			}
		}
		d := take(t, l, ask)
		if d.Allowed || d.RetryAfter != time.Second || d.States[0].Remaining != 0 || d.States[0].Allowed {
			t.Fatalf("the fourth: %+v", d)
		}
		if d := take(t, l, ratelimit.Ask{Limit: ask.Limit, Key: "b"}); !d.Allowed {
			t.Fatalf("somebody else: %+v", d)
		}
		time.Sleep(d.RetryAfter - time.Microsecond)
		if d := take(t, l, ask); d.Allowed || d.RetryAfter != time.Microsecond {
			t.Fatalf("too early: %+v", d)
		}
		time.Sleep(time.Microsecond)
		if d := take(t, l, ask); !d.Allowed {
			t.Fatalf("after RetryAfter: %+v", d)
		}
	})
}

func TestCost(t *testing.T) {
	t.Parallel()
	l := open(t, ratelimit.Config{Store: newStore(t)})
	limit := ratelimit.Limit{Requests: 10, Period: time.Hour, Burst: 10}
	if d := take(t, l, ratelimit.Ask{Limit: limit, Key: "a", Cost: 7}); !d.Allowed || d.States[0].Remaining != 3 {
		t.Fatalf("7 of 10: %+v", d)
	}
	if d := take(t, l, ratelimit.Ask{Limit: limit, Key: "a", Cost: 4}); d.Allowed || d.States[0].Remaining != 3 {
		t.Fatalf("4 of 3: %+v", d)
	}
	if d := take(t, l, ratelimit.Ask{Limit: limit, Key: "a", Cost: -1}); !d.Allowed || d.States[0].Remaining != 3 {
		t.Fatalf("a look: %+v", d)
	}
	if d := take(t, l, ratelimit.Ask{Limit: limit, Key: "a", Cost: 3}); !d.Allowed || d.States[0].Remaining != 0 {
		t.Fatalf("3 of 3: %+v", d)
	}
	if d := take(t, l, ratelimit.Ask{Limit: limit, Key: "a", Cost: -1}); !d.Allowed {
		t.Fatalf("a look at an exhausted limit is no request: %+v", d)
	}
	var wrong *ratelimit.LimitError
	if d, err := l.Take(t.Context(), ratelimit.Ask{Limit: limit, Cost: 11}); !errors.As(err, &wrong) || d.Allowed {
		t.Errorf("more than the burst: %+v, %v", d, err)
	}
}

// A request that one limit denies costs the others nothing.
func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]ratelimit.Config{"store": {Store: newStore(t)}, "local": {}} {
		l := open(t, cfg)
		wide := ratelimit.Ask{Limit: ratelimit.Limit{Name: "wide", Requests: 100, Period: time.Hour, Burst: 20}, Key: "a"}
		narrow := ratelimit.Ask{Limit: ratelimit.Limit{Name: "narrow", Requests: 10, Period: time.Hour, Burst: 2}, Key: "a"}
		for range 2 {
			if d := take(t, l, wide, narrow); !d.Allowed {
				t.Fatalf("%s: %+v", name, d)
			}
		}
		for range 30 {
			d := take(t, l, wide, narrow)
			if d.Allowed || !d.States[0].Allowed || d.States[1].Allowed || d.States[0].Remaining != 18 || d.RetryAfter <= 0 {
				t.Fatalf("%s: %+v", name, d)
			}
		}
		narrow.Key = "b"
		if d := take(t, l, wide, narrow); !d.Allowed || d.States[0].Remaining != 17 {
			t.Fatalf("%s: %+v", name, d)
		}
	}
}

// Alone, a process has its share at once and never more.
func TestShareWithoutStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, ratelimit.Config{Instances: 4})
		ask := ratelimit.Ask{Limit: ratelimit.Limit{Requests: 100, Period: 10 * time.Second, Burst: 20}, Key: "a"}
		allowed := 0
		for range 1000 {
			if d := take(t, l, ask); d.Allowed {
				allowed++
				if !d.Local {
					t.Fatal("nobody else decides")
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
		if allowed < 25 || allowed > 30 {
			t.Errorf("%d allowed in one period of 100 for 4, burst 20", allowed)
		}
	})
}

func TestLimitsAreChecked(t *testing.T) {
	t.Parallel()
	good := ratelimit.Limit{Requests: 5, Period: time.Minute}
	must(t, good.Check())
	for field, limits := range map[string][]ratelimit.Limit{
		"Requests": {{Period: time.Minute}, {Requests: -1, Period: time.Minute}, {Requests: 2_000_000, Period: time.Hour}, {Requests: 1000, Period: time.Millisecond}},
		"Period":   {{Requests: 5}, {Requests: 5, Period: -1}, {Requests: 5, Period: 400 * 24 * time.Hour}, {Requests: 1, Period: time.Microsecond}},
		"Burst":    {{Requests: 5, Period: time.Minute, Burst: 6}, {Requests: 5, Period: time.Minute, Burst: -1}},
		"Name":     {{Name: "a b", Requests: 5, Period: time.Minute}, {Name: `"`, Requests: 5, Period: time.Minute}, {Name: strings.Repeat("x", 65), Requests: 5, Period: time.Minute}},
	} {
		for _, limit := range limits {
			var wrong *ratelimit.LimitError
			if err := limit.Check(); !errors.As(err, &wrong) || wrong.Field != field {
				t.Errorf("%+v: %v, want one about %s", limit, err, field)
			}
		}
	}
	l := open(t, ratelimit.Config{})
	for name, asks := range map[string][]ratelimit.Ask{
		"none": nil, "nine": make([]ratelimit.Ask, 9),
		"one twice": {{Limit: good, Key: "a"}, {Limit: good, Key: "a"}},
	} {
		if d, err := l.Take(t.Context(), asks...); err == nil || d.Allowed {
			t.Errorf("%s: %+v", name, d)
		}
	}
	for _, cfg := range []ratelimit.Config{{Deadline: time.Minute}, {Deadline: 1}, {Instances: -1}, {MaxKeys: 1}} {
		if _, err := ratelimit.New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

// Made-up keys do not push out the state of one that is limited.
func TestJunkKeys(t *testing.T) {
	t.Parallel()
	store, err := memory.New(memory.Config{MaxKeys: 1000})
	must(t, err)
	for name, cfg := range map[string]ratelimit.Config{"store": {Store: store}, "local": {MaxKeys: 1000}} {
		l := open(t, cfg)
		limit := ratelimit.Limit{Requests: 10, Period: time.Hour, Burst: 2}
		hot := ratelimit.Ask{Limit: limit, Key: "hot"}
		for take(t, l, hot).Allowed {
		}
		junk := 0
		for i := range 50_000 {
			if take(t, l, ratelimit.Ask{Limit: limit, Key: fmt.Sprint("junk ", i)}).Allowed {
				junk++
			}
		}
		if d := take(t, l, hot); d.Allowed {
			t.Errorf("%s: the hot key's limit was forgotten", name)
		}
		// 1000 buckets of their own, and 4096 that are shared, with 2 each.
		if junk < 2000 || junk > 2*(1000+4096) {
			t.Errorf("%s: %d of 50000 junk keys were allowed", name, junk)
		}
		if name == "local" {
			if s := l.Stats(); s.Buckets > 1000 || s.Shared == 0 {
				t.Errorf("%+v", s)
			}
		}
	}
}

// When the flood is over, everybody has a bucket of his own again.
func TestAfterTheFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, err := memory.New(memory.Config{MaxKeys: 1000})
		must(t, err)
		l := open(t, ratelimit.Config{Store: store})
		limit := ratelimit.Limit{Requests: 10, Period: 10 * time.Second, Burst: 2}
		for i := range 20_000 {
			take(t, l, ratelimit.Ask{Limit: limit, Key: fmt.Sprint("junk ", i)})
		}
		time.Sleep(3 * time.Second)
		for i := range 2000 {
			ask := ratelimit.Ask{Limit: limit, Key: fmt.Sprint("new ", i)}
			if first, second := take(t, l, ask), take(t, l, ask); i < 500 && (!first.Allowed || !second.Allowed) {
				t.Fatalf("visitor %d after the flood: %+v, %+v", i, first, second)
			}
		}
	})
}
