package cachetest

import (
	"strconv"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var swapperChecks = []check{
	{"Swaps", "Swap replaces old under key by value, and reports that it did.", func(e *env) {
		e.set(e.key("k"), "old", cache.Forever)
		e.swaps(true, e.key("k"), "old", []byte("new"), cache.Forever)
		e.holds(e.key("k"), "new")
	}},
	{"Lifetime", "Swap gives the value the lifetime ttl.", func(e *env) {
		key := e.key("k")
		e.set(key, "old", cache.Forever)
		e.lifetime(key, brief, func() { e.swaps(true, key, "old", []byte("new"), brief) })
		begin := time.Now()
		e.set(key, "old", time.Minute)
		e.swaps(true, key, "old", []byte("old"), time.Hour)
		e.keepsLifetime(key, time.Hour, begin)
	}},
	{"Other", "Other bytes than old is false, nil, and nothing changes.", func(e *env) {
		for _, old := range []string{"", "OLD", "old ", "ol", "old\x00", "new"} {
			key := e.key(strconv.Quote(old))
			e.set(key, "old", cache.Forever)
			e.swaps(false, key, old, []byte("new"), brief)
			e.swaps(false, key, old, nil, brief)
			e.holds(key, "old")
			e.keepsLifetime(key, cache.Forever, time.Time{})
		}
	}},
	{"Missing", "Nothing there is false, nil, and stays so.", func(e *env) {
		for _, old := range []string{"", "old"} {
			e.swaps(false, e.key("k"), old, []byte("new"), cache.Forever)
			e.swaps(false, e.key("k"), old, nil, cache.Forever)
			e.absent(e.key("k"))
		}
	}},
	{"Expired", "An expired value is not there.", func(e *env) {
		key := e.key("k")
		e.set(key, "old", brief)
		e.gone(key)
		e.swaps(false, key, "old", []byte("new"), cache.Forever)
		e.absent(key)
	}},
	{"Removes", "A nil value removes the key.", func(e *env) {
		key := e.key("k")
		e.set(key, "old", cache.Forever)
		e.swaps(true, key, "old", nil, cache.Forever)
		e.absent(key)
		e.stores(true, key, "again", cache.Forever, cache.IfAbsent)
	}},
	{"Empty", "An empty value is a value: it can be put there and be what was there.", func(e *env) {
		key := e.key("k")
		e.set(key, "old", cache.Forever)
		e.swaps(true, key, "old", []byte{}, cache.Forever)
		e.holds(key, "")
		e.swaps(true, key, "", []byte("new"), cache.Forever)
		e.holds(key, "new")
	}},
	{"Binary", "Swap compares bytes, not text.", func(e *env) {
		key := e.key("k")
		e.set(key, "\x00\xff\xfe", cache.Forever)
		e.swaps(false, key, "\x00\xff\xfd", []byte("new"), cache.Forever)
		e.swaps(true, key, "\x00\xff\xfe", []byte("\xff\x00"), cache.Forever)
		e.holds(key, "\xff\x00")
	}},
	{"Race", "Swap is one atomic step: of 64 callers with the same old value one swaps.", func(e *env) {
		key := e.key("k")
		e.set(key, "old", cache.Forever)
		if n := e.winners(64, func(i int) (bool, error) {
			return e.store.(cache.Swapper).Swap(e.Context(), key, []byte("old"), []byte("new"+itoa(i)), cache.Forever)
		}); n != 1 {
			e.broken("%d of 64 racing Swap changed the value, want 1", n)
		}
	}},
	{"RaceRemove", "A Swap that removes is one atomic step: of 64 callers one removes.", func(e *env) {
		key := e.key("k")
		e.set(key, "old", cache.Forever)
		if n := e.winners(64, func(int) (bool, error) {
			return e.store.(cache.Swapper).Swap(e.Context(), key, []byte("old"), nil, cache.Forever)
		}); n != 1 {
			e.broken("%d of 64 racing Swap removed the value, want 1", n)
		}
	}},
	{"Loop", "Reading and swapping in a loop loses no change.", checkSwapLoop},
}

func checkSwapLoop(e *env) {
	key := e.key("k")
	e.set(key, "0", cache.Forever)
	const callers, times = 8, 10
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for done := 0; done < times; {
				old, found, err := e.store.Get(e.Context(), key)
				if err != nil || !found {
					e.broken("Get = %v, %v", found, err)
					return
				}
				n, err := strconv.Atoi(string(old))
				if err != nil {
					e.broken("the value became %q", clip(old))
					return
				}
				swapped, err := e.store.(cache.Swapper).Swap(e.Context(), key, old, []byte(itoa(n+1)), cache.Forever)
				if err != nil {
					e.broken("Swap: %v", err)
					return
				}
				if swapped {
					done++
				}
			}
		})
	}
	wg.Wait()
	e.holds(key, itoa(callers*times))
}

func (e *env) swaps(want bool, key, old string, value []byte, ttl time.Duration) {
	e.Helper()
	swapped, err := e.store.(cache.Swapper).Swap(e.Context(), key, []byte(old), value, ttl)
	e.ok("Swap", err)
	if swapped != want {
		e.broken("Swap(%q to %q) = %v, want %v", old, clip(value), swapped, want)
	}
}
