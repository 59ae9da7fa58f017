package memory_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

func TestExpiryToTheNanosecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, memory.Config{})
		for _, ttl := range []time.Duration{time.Millisecond, 1500 * time.Microsecond, time.Second, 10 * time.Minute} {
			if _, err := s.Set(t.Context(), "k", []byte("x"), ttl, cache.Always); err != nil {
				t.Fatal(err)
			}
			// Sleeping in a bubble is exact and takes no time.
			time.Sleep(ttl - 1)
			left, found, err := s.TTL(t.Context(), "k")
			if err != nil || !found || left != 1 || !has(t, s, "k") {
				t.Errorf("a nanosecond before the end of %v: %v left, %v, %v", ttl, left, found, err)
			}
			time.Sleep(time.Nanosecond)
			if has(t, s, "k") {
				t.Errorf("found at the end of %v", ttl)
			}
		}
	})
}

func TestExpiredLeaveByThemselves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, memory.Config{})
		for i := range 100 {
			if _, err := s.Set(t.Context(), fmt.Sprint(i), make([]byte, 1000), 3*time.Second, cache.Always); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Second) // nobody reads or writes
		synctest.Wait()
		if s.Len() != 0 || s.Bytes() != 0 {
			t.Errorf("two seconds after their end: %d entries, %d bytes", s.Len(), s.Bytes())
		}
		if s.Evictions() != 0 {
			t.Errorf("Evictions counts %d that expired", s.Evictions())
		}
	})
}

// The bubble ends only if the store leaves no goroutine behind.
func TestCloseStopsEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := memory.New(memory.Config{})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					if _, err := s.Set(t.Context(), fmt.Sprint(i), []byte("x"), time.Second, cache.Always); err != nil {
						if !errors.Is(err, cache.ErrClosed) {
							t.Error(err)
						}
						return
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		time.Sleep(time.Second)
		for range 2 {
			wg.Go(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s.Len() != 0 || s.Bytes() != 0 {
			t.Errorf("after Close: %d entries, %d bytes", s.Len(), s.Bytes())
		}
	})
}

func TestOwnClock(t *testing.T) {
	t.Parallel()
	const ttl = 10 * 365 * 24 * time.Hour
	var mu sync.Mutex
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	s := open(t, memory.Config{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	if _, err := s.Set(t.Context(), "k", []byte("x"), ttl, cache.Always); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	now = now.Add(ttl - 1)
	mu.Unlock()
	if !has(t, s, "k") {
		t.Error("gone before its time on the clock of the store")
	}
	mu.Lock()
	now = now.Add(1)
	mu.Unlock()
	if has(t, s, "k") {
		t.Error("there after its time on the clock of the store")
	}
}
