package memory_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

func set(t testing.TB, s *memory.Store, key string, size int) {
	t.Helper()
	stored, err := s.Set(t.Context(), key, make([]byte, size), cache.Forever, cache.Always)
	if err != nil || !stored {
		t.Fatalf("Set(%q, %d bytes) = %v, %v", key, size, stored, err)
	}
}

func has(t testing.TB, s *memory.Store, key string) bool {
	t.Helper()
	_, found, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestBoundsHoldAfterEveryWrite(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		entries int
		bytes   int64
		size    func(i int) int
	}{
		{"defaults", 0, 0, func(int) int { return 10 }},
		{"one entry", 1, 0, func(int) int { return 10 }},
		{"three entries", 3, 0, func(i int) int { return i % 50 }},
		{"few large", 1000, 1 << 20, func(int) int { return 100_000 }},
		{"all sizes", 500, 1 << 20, func(i int) int { return (i * 7919) % 40_000 }},
		{"more entries than bytes", 1 << 30, 1 << 16, func(int) int { return 0 }},
		{"least bytes", 10, 4096, func(i int) int { return i % 3000 }},
		{"each the largest possible", 10, 8192, func(int) int { return 8192 - 256 - 16 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, memory.Config{MaxEntries: test.entries, MaxBytes: test.bytes})
			entries, bytes := test.entries, test.bytes
			if entries == 0 {
				entries = 1000
			}
			if bytes == 0 {
				bytes = 64 << 20
			}
			for i := range 3000 {
				set(t, s, fmt.Sprintf("key%013d", i), test.size(i))
				if s.Len() > entries || s.Bytes() > bytes {
					t.Fatalf("after %d writes: %d entries, %d bytes; the bounds are %d and %d", i+1, s.Len(), s.Bytes(), entries, bytes)
				}
			}
			if s.Len() == 0 {
				t.Error("nothing was kept")
			}
			if want := uint64(3000 - s.Len()); s.Evictions() != want {
				t.Errorf("Evictions = %d, want %d", s.Evictions(), want)
			}
		})
	}
}

func TestEntriesCanBeUsedUp(t *testing.T) {
	t.Parallel()
	for _, entries := range []int{1, 7, 1000, 4096} {
		s := open(t, memory.Config{MaxEntries: entries})
		for i := range entries {
			set(t, s, fmt.Sprint(i), 100)
		}
		if s.Len() != entries || s.Evictions() != 0 {
			t.Errorf("MaxEntries %d: %d entries after as many writes, %d evicted", entries, s.Len(), s.Evictions())
		}
	}
}

func TestHalfOfOneBoundCanBeUsed(t *testing.T) {
	t.Parallel()
	const entries, bytes = 100, 1 << 20
	s := open(t, memory.Config{MaxEntries: entries, MaxBytes: bytes})
	for i := range 2000 { // every size that makes both bounds matter
		set(t, s, fmt.Sprint(i), (i*7919)%30_000)
		if s.Evictions() > 0 && s.Len() < entries/2-1 && s.Bytes() < bytes/2-30_000 {
			t.Fatalf("evicts with %d entries and %d bytes; the bounds are %d and %d", s.Len(), s.Bytes(), entries, bytes)
		}
	}
}

func TestBoundsHoldUnderLoad(t *testing.T) {
	t.Parallel()
	const entries, bytes, writers = 200, 1 << 20, 8
	s := open(t, memory.Config{MaxEntries: entries, MaxBytes: bytes})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range 1500 {
				set(t, s, fmt.Sprint(w, i), (i*7919)%20_000)
				// Each of the other writers may be in the middle of a write.
				if s.Len() > entries+writers || s.Bytes() > bytes+writers*21_000 {
					t.Errorf("%d entries, %d bytes; the bounds are %d and %d", s.Len(), s.Bytes(), entries, bytes)
					return
				}
			}
		})
	}
	wg.Wait()
	if s.Len() > entries || s.Bytes() > bytes {
		t.Errorf("at rest: %d entries, %d bytes; the bounds are %d and %d", s.Len(), s.Bytes(), entries, bytes)
	}
}

func TestFloodLeavesTheHotSet(t *testing.T) {
	t.Parallel()
	s := open(t, memory.Config{MaxEntries: 500})
	// Asks for 100 keys and makes those that are missing, as an application does.
	ask := func() (found int) {
		for i := range 100 {
			key := fmt.Sprint("hot", i)
			if has(t, s, key) {
				found++
			} else {
				set(t, s, key, 10)
			}
		}
		return found
	}
	const rounds = 300
	hits := 0
	for round := range rounds {
		for i := range 100 {
			set(t, s, fmt.Sprint("junk", round, "-", i), 10)
		}
		if found := ask(); round >= rounds/2 {
			hits += found
		}
	}
	if asked := rounds / 2 * 100; hits < asked*9/10 {
		t.Errorf("%d of %d reads of hot keys hit during a flood of keys that nobody asks for again", hits, asked)
	}
}

// Weights have 32 bits; what a store may hold has not. Objects only say how large
// they are.
func TestBoundsBeyondFourGigabytes(t *testing.T) {
	t.Parallel()
	const bytes = 1 << 40
	for _, size := range []int{5 << 30, 300 << 30, bytes - 1000} {
		s := open(t, memory.Config{MaxBytes: bytes})
		for i := range 1000 {
			if !s.SetObject(fmt.Sprint(i), i, size, cache.Forever) {
				t.Fatalf("an object of %d bytes was not stored", size)
			}
			if s.Bytes() > bytes {
				t.Fatalf("%d objects of %d bytes: %d bytes", s.Len(), size, s.Bytes())
			}
		}
		if least := max(bytes/size/2, 1); s.Len() < least {
			t.Errorf("%d objects of %d bytes are left, want at least %d", s.Len(), size, least)
		}
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	const bytes = 10_000
	s := open(t, memory.Config{MaxBytes: bytes})
	const largest = bytes - 256 - len("k")
	set(t, s, "k", largest)
	for _, test := range []struct {
		name  string
		when  cache.When
		stays bool
	}{
		{"what it would have replaced is out of date", cache.Always, false},
		{"if present", cache.IfPresent, false},
		{"if absent, nothing would have been replaced", cache.IfAbsent, true},
	} {
		set(t, s, "k", 5)
		stored, err := s.Set(t.Context(), "k", make([]byte, largest+1), time.Hour, test.when)
		if err != nil || stored {
			t.Errorf("%s: Set = %v, %v, want false", test.name, stored, err)
		}
		if got := has(t, s, "k"); got != test.stays {
			t.Errorf("%s: the old value is there: %v, want %v", test.name, got, test.stays)
		}
	}
	set(t, s, "k", 5)
	if s.SetObject("k", "page", largest+1, time.Hour) {
		t.Error("SetObject stored")
	}
	failed, err := s.SetMany(t.Context(), []cache.Item{
		{Key: "a", Value: make([]byte, 5), TTL: time.Hour},
		{Key: "k", Value: make([]byte, largest+1), TTL: time.Hour},
	})
	if err != nil || len(failed) != 1 || failed[0] != "k" || !has(t, s, "a") {
		t.Errorf("SetMany = %q, %v, want k alone", failed, err)
	}
	set(t, s, "k", 0)
	if swapped, err := s.Swap(t.Context(), "k", []byte{}, make([]byte, largest+1), time.Hour); swapped || err == nil || !has(t, s, "k") {
		t.Errorf("Swap = %v, %v", swapped, err)
	}
}

func TestBytesAddUp(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := open(t, memory.Config{})
	keys := []string{"a", "b", "c", "d", "e"}
	for range 3 {
		for _, key := range keys {
			set(t, s, key, 1000)
		}
	}
	if want := int64(5 * (1 + 1000 + 256)); s.Bytes() != want {
		t.Errorf("after writing five values three times: Bytes = %d, want %d", s.Bytes(), want)
	}
	steps := []struct {
		name string
		do   func() error
	}{
		{"touch", func() error { _, err := s.Touch(ctx, "a", time.Hour); return err }},
		{"swap", func() error { _, err := s.Swap(ctx, "b", make([]byte, 1000), []byte("x"), time.Hour); return err }},
		{"failing swap", func() error { _, err := s.Swap(ctx, "b", []byte("y"), []byte("z"), time.Hour); return err }},
		{"removing swap", func() error { _, err := s.Swap(ctx, "b", []byte("x"), nil, time.Hour); return err }},
		{"counter", func() error { _, err := s.Incr(ctx, "n", 1, &cache.Initial{TTL: time.Hour}); return err }},
		{"counter again", func() error { _, err := s.Incr(ctx, "n", 999, nil); return err }},
		{"object", func() error { s.SetObject("c", 1, 50_000, time.Hour); return nil }},
		{"if absent", func() error { _, err := s.Set(ctx, "d", nil, time.Hour, cache.IfAbsent); return err }},
		{"if present", func() error { _, err := s.Set(ctx, "d", nil, time.Hour, cache.IfPresent); return err }},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
	if want := int64((1 + 1000 + 256) + (1 + 4 + 256) + (1 + 50_000 + 256) + (1 + 256) + (1 + 1000 + 256)); s.Bytes() != want {
		t.Errorf("after other changes: Bytes = %d, want %d", s.Bytes(), want)
	}
	if _, err := s.Delete(ctx, "a", "c", "d", "e", "n"); err != nil {
		t.Fatal(err)
	}
	if s.Bytes() != 0 || s.Len() != 0 || s.Evictions() != 0 {
		t.Errorf("when all is deleted: %d bytes, %d entries, %d evicted", s.Bytes(), s.Len(), s.Evictions())
	}
}
