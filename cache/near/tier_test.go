package near_test

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/near"
)

func TestPutAndGet(t *testing.T) {
	t.Parallel()
	tier, _ := verified(t, near.Config{})
	if has(tier, "echoic:p:a") {
		t.Error("an empty tier holds something")
	}
	value := &struct{ n int }{1}
	hold(t, tier, "echoic:p:a", value)
	if got, found := tier.Get("echoic:p:a"); !found || got != value {
		t.Errorf("Get = %v, %v", got, found)
	}
	hold(t, tier, "echoic:p:a", nil)
	if got, found := tier.Get("echoic:p:a"); !found || got != nil {
		t.Errorf("Get of a nil value = %v, %v", got, found)
	}
	s := tier.Stats()
	if s.Hits != 2 || s.Misses != 1 || s.Puts != 2 || s.Entries != 1 || s.Bytes != int64(100+len("echoic:p:a")+256) {
		t.Errorf("Stats = %+v", s)
	}
}

func TestPutRefuses(t *testing.T) {
	t.Parallel()
	tier, feed := verified(t, near.Config{MaxBytes: 64 << 10})
	const key = "echoic:1:v:k@g"
	for _, row := range []struct {
		name    string
		size    int
		ttl     time.Duration
		between func()
		want    bool
	}{
		{"nothing happened", 10, time.Hour, func() {}, true},
		{"for ever", 10, cache.Forever, func() {}, true},
		{"negative size", -5, time.Hour, func() {}, true},
		{"no time", 10, 0, func() {}, false},
		{"negative time", 10, -time.Second, func() {}, false},
		{"too large", 64 << 10, time.Hour, func() {}, false},
		{"largest size", math.MaxInt32, time.Hour, func() {}, false},
		{"invalidated", 10, time.Hour, func() { tier.Invalidate(key) }, false},
		{"forgotten", 10, time.Hour, func() { tier.Forget(key) }, false},
		{"everything dropped", 10, time.Hour, tier.DropAll, false},
		{"down and up", 10, time.Hour, func() { feed.Down("test"); feed.Up() }, false},
		{"nothing happened again", 10, time.Hour, func() {}, true},
		{"down", 10, time.Hour, func() { feed.Down("test") }, false},
	} {
		stamp := tier.Stamp(key)
		row.between()
		if got := tier.Put(key, row.name, row.size, row.ttl, stamp); got != row.want {
			t.Errorf("%s: Put = %v", row.name, got)
		}
		if got, _ := tier.Get(key); row.want && got != row.name {
			t.Errorf("%s: Get = %v", row.name, got)
		}
	}
	s := tier.Stats()
	if s.Outrun != 4 || s.Refused != 4 || s.PutsUnverified != 1 || s.Eras != 3 {
		t.Errorf("Stats = %+v", s)
	}
}

func TestTooLargeDropsWhatWasHeld(t *testing.T) {
	t.Parallel()
	tier, _ := verified(t, near.Config{MaxBytes: 64 << 10})
	hold(t, tier, "echoic:p:a", 1)
	if tier.Put("echoic:p:a", 2, 64<<10, time.Hour, tier.Stamp("echoic:p:a")) || has(tier, "echoic:p:a") {
		t.Error("the old value is still there")
	}
}

func TestTimeIsBounded(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ ttl, lives time.Duration }{
		{3 * time.Second, 3 * time.Second},
		{time.Nanosecond, time.Nanosecond},
		{time.Minute, 10 * time.Second},
		{cache.Forever, 10 * time.Second},
	} {
		var now atomic.Int64
		now.Store(time.Now().UnixNano())
		tier, _ := verified(t, near.Config{MaxTTL: 10 * time.Second, Now: func() time.Time { return time.Unix(0, now.Load()) }})
		if !tier.Put("k", 1, 1, row.ttl, tier.Stamp("k")) {
			t.Fatalf("%v: not held", row.ttl)
		}
		now.Add(int64(row.lives) - 1)
		if !has(tier, "k") {
			t.Errorf("%v: gone before %v", row.ttl, row.lives)
		}
		now.Add(1)
		if has(tier, "k") {
			t.Errorf("%v: still there after %v", row.ttl, row.lives)
		}
	}
}

func TestEpoch(t *testing.T) {
	t.Parallel()
	tier, feed := verified(t, near.Config{Prefixes: []string{"a", "b:c"}})
	for _, row := range []struct {
		name    string
		do      func()
		changes bool
	}{
		{"value", func() { tier.Invalidate("a:1:v:x@g") }, false},
		{"page", func() { tier.Invalidate("a:p:x@g") }, false},
		{"token that is not held", func() { tier.Invalidate("a:t:x") }, true},
		{"token, forgotten", func() { tier.Forget("a:t:x") }, true},
		{"generation among values", func() { tier.Invalidate("a:p:1", "b:c:t:gen", "a:p:2") }, true},
		{"of another cache", func() { tier.Invalidate("b:t:x") }, false},
		{"of a cache whose name begins so", func() { tier.Invalidate("aa:t:x") }, false},
		{"value with the mark in its name", func() { tier.Invalidate("a:1:v::t:x") }, false},
		{"no keys", func() { tier.Invalidate() }, false},
		{"everything", tier.DropAll, true},
		{"down", func() { feed.Down("test") }, false},
		{"up", feed.Up, true},
		{"up again", feed.Up, false},
	} {
		before := tier.Epoch().Now()
		row.do()
		if changed := tier.Epoch().Now() != before; changed != row.changes {
			t.Errorf("%s: the epoch changes: %v", row.name, changed)
		}
	}
}

// Who sees the new epoch must not find the old token.
func TestEpochComesAfterTheDrop(t *testing.T) {
	t.Parallel()
	tier, _ := verified(t, near.Config{})
	const key = "echoic:t:tag"
	for i := range 500 {
		hold(t, tier, key, i)
		before := tier.Epoch().Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			tier.Invalidate(key)
		}()
		for tier.Epoch().Now() == before {
			runtime.Gosched()
		}
		if has(tier, key) {
			t.Fatal("the token is found in the new epoch")
		}
		<-done
	}
}

func TestPagesDoNotEvictTokens(t *testing.T) {
	t.Parallel()
	tier, _ := verified(t, near.Config{MaxBytes: 256 << 10})
	const tokens = 60
	for i := range tokens {
		hold(t, tier, fmt.Sprint("echoic:t:", i), i)
	}
	for i := range 20_000 {
		hold(t, tier, fmt.Sprint("echoic:p:", i), i)
	}
	for i := range tokens {
		if !has(tier, fmt.Sprint("echoic:t:", i)) {
			t.Fatalf("token %d has been evicted", i)
		}
	}
	if s := tier.Stats(); s.ControlEntries != tokens || s.Evictions == 0 {
		t.Errorf("Stats = %+v", s)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		cfg  near.Config
		size func(i int) int
	}{
		{"small", near.Config{MaxBytes: 1 << 20}, func(int) int { return 10 }},
		{"all sizes", near.Config{MaxBytes: 1 << 20}, func(i int) int { return (i * 7919) % 40_000 }},
		{"few entries", near.Config{MaxEntries: 100}, func(i int) int { return i % 50 }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			tier, _ := verified(t, row.cfg)
			most, bytes := row.cfg.MaxEntries, row.cfg.MaxBytes
			if most == 0 {
				most = math.MaxInt
			}
			if bytes == 0 {
				bytes = 64 << 20
			}
			for i := range 5000 {
				key := fmt.Sprint("echoic:p:", i)
				if i%10 == 0 {
					key = fmt.Sprint("echoic:t:", i)
				}
				tier.Put(key, i, row.size(i), time.Hour, tier.Stamp(key))
				if s := tier.Stats(); s.Bytes > bytes || s.ControlBytes > bytes/8 || s.Entries-s.ControlEntries > most {
					t.Fatalf("after %d puts: %+v", i+1, s)
				}
			}
		})
	}
}

// The flood is what a crawler's random URLs would be.
func TestFloodStaysWithinTheBound(t *testing.T) {
	t.Parallel()
	const bound, hot = 4 << 20, 100
	tier, _ := verified(t, near.Config{MaxBytes: bound})
	value := strings.Repeat("x", 64)
	for i := range flood {
		key := "echoic:p:" + strconv.Itoa(i)
		tier.Put(key, value, len(value), time.Hour, tier.Stamp(key))
		if i%10 == 0 {
			key = fmt.Sprint("echoic:p:hot", i/10%hot)
			if !has(tier, key) {
				hold(t, tier, key, value)
			}
		}
		if i%1000 == 0 {
			if s := tier.Stats(); s.Bytes > bound {
				t.Fatalf("after %d puts: %+v", i, s)
			}
		}
	}
	there := 0
	for i := range hot {
		if has(tier, fmt.Sprint("echoic:p:hot", i)) {
			there++
		}
	}
	if there < hot*9/10 {
		t.Errorf("%d of %d hot pages are left", there, hot)
	}
}

// Values count up; whoever has seen n invalidated must never read n-1 again.
func TestFillsRaceWithInvalidations(t *testing.T) {
	t.Parallel()
	tier, _ := verified(t, near.Config{})
	var store atomic.Int64
	const key = "echoic:1:v:n@g"
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for !closed(stop) {
				if !has(tier, key) {
					stamp := tier.Stamp(key)
					tier.Put(key, store.Load(), 8, time.Hour, stamp)
				}
			}
		})
	}
	for range rounds {
		n := store.Add(1)
		tier.Invalidate(key)
		for range 3 {
			if got, found := tier.Get(key); found && got.(int64) < n {
				t.Errorf("%d is read after it was invalidated by %d", got, n)
			}
		}
	}
	close(stop)
	wg.Wait()
	if s := tier.Stats(); s.Outrun == 0 {
		t.Log("no fill met an invalidation")
	}
}

func TestEraDropsEverything(t *testing.T) {
	t.Parallel()
	tier, _ := verified(t, near.Config{})
	keys := []string{"echoic:t:gen", "echoic:p:a", "echoic:1:v:b@g"}
	for _, key := range keys {
		hold(t, tier, key, 1)
	}
	tier.DropAll()
	for _, key := range keys {
		if has(tier, key) {
			t.Errorf("%s is still there", key)
		}
		hold(t, tier, key, 2)
		if got, _ := tier.Get(key); got != 2 {
			t.Errorf("%s = %v", key, got)
		}
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	tier, feed := verified(t, near.Config{})
	hold(t, tier, "k", 1)
	changed, stop := tier.Watch("k")
	defer stop()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { must(t, tier.Close()) })
	}
	wg.Wait()
	feed.Up()
	if has(tier, "k") || tier.Verified() || !closed(changed) || tier.Put("k", 1, 1, time.Hour, tier.Stamp("k")) {
		t.Error("it is not closed")
	}
	tier.Invalidate("k", "echoic:t:x")
	tier.DropAll()
	feed.Down("test")
	if s := tier.Stats(); s.Entries != 0 || s.Bytes != 0 {
		t.Errorf("Stats = %+v", s)
	}
}

func TestConfigRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		cfg  near.Config
		text string
	}{
		{"bytes", near.Config{MaxBytes: 1000}, "MaxBytes is 1000"},
		{"control bytes, few", near.Config{ControlBytes: 100}, "ControlBytes is 100"},
		{"control bytes, many", near.Config{ControlBytes: 60 << 20}, "ControlBytes is"},
		{"entries", near.Config{MaxEntries: -1}, "MaxEntries is -1"},
		{"time", near.Config{MaxTTL: -time.Second}, "MaxTTL is -1s"},
		{"watched", near.Config{MaxWatched: -1}, "MaxWatched is -1"},
		{"prefix", near.Config{Prefixes: []string{"a", ""}}, "an empty one"},
	} {
		if _, err := near.New(row.cfg); err == nil || !strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: %v, want %q", row.name, err, row.text)
		}
	}
}
