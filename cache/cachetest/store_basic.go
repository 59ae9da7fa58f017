package cachetest

import (
	"bytes"
	"errors"
	"strings"
	"sync"

	"github.com/echoic-go/echoic/cache"
)

var getChecks = []check{
	{"EmptyValue", "An empty value is found; it is not a miss.", func(e *env) {
		for name, value := range map[string][]byte{"empty": {}, "nil": nil} {
			key := e.key(name)
			stored, err := e.store.Set(e.Context(), key, value, cache.Forever, cache.Always)
			e.ok("Set", err)
			got, found, err := e.store.Get(e.Context(), key)
			e.ok("Get", err)
			if !stored || !found || len(got) != 0 {
				e.broken("%s value: stored %v, Get = %q, %v, want an empty value that is found", name, stored, got, found)
			}
		}
	}},
	{"BinaryValue", "Get returns the bytes under key, whatever they are.", func(e *env) {
		all := make([]byte, 512)
		for i := range all {
			all[i] = byte(i)
		}
		for name, value := range map[string]string{
			"all bytes": string(all), "NUL": "\x00", "not UTF-8": "\xff\xfe\x00\xc3\x28", "looks like SQL": `'; DROP --\'"`,
			"looks like a number": "0123", "white space": " \r\n\t ",
		} {
			e.set(e.key(name), value, cache.Forever)
			e.holds(e.key(name), value)
		}
	}},
	{"LargeValue", "Get returns the bytes under key, however many.", func(e *env) {
		value := strings.Repeat("echo", 1<<18)
		e.set(e.key("large"), value, cache.Forever)
		e.holds(e.key("large"), value)
	}},
	{"Held", "The returned slice stays valid for as long as it is held.", func(e *env) {
		key := e.key("held")
		e.set(key, "first", cache.Forever)
		held, _, err := e.store.Get(e.Context(), key)
		e.ok("Get", err)
		e.set(key, "other", cache.Forever)
		_, err = e.store.Delete(e.Context(), key)
		e.ok("Delete", err)
		for i := range 100 {
			e.set(e.key("filler"+itoa(i)), strings.Repeat("x", 5), cache.Forever)
		}
		if string(held) != "first" {
			e.broken("the slice became %q when the key changed, want %q", held, "first")
		}
	}},
	{"Keys", "Keys are printable and at most 512 bytes; each is a value of its own.", func(e *env) {
		names := []string{
			"a:b:c", "a*b", "a?b", "[a]", "a%b", "a_b", `a\b`, "a'b", `a"b`, "a{b}c", "a/b", "a@b#c", "a|b", "a$b;c", "a~b",
			"Case", "case", "a", "a:", ":a", strings.Repeat("k", 512-len(e.prefix)),
		}
		for _, name := range names {
			e.set(e.key(name), "value of "+name, cache.Forever)
		}
		for _, name := range names {
			e.holds(e.key(name), "value of "+name)
		}
	}},
	{"WholeValues", "A Store is safe for concurrent use: a read gets one value, never parts of two.", checkWholeValues},
}

func checkWholeValues(e *env) {
	key := e.key("torn")
	e.set(key, strings.Repeat("0", 3000), cache.Forever)
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for w := range 4 {
		writers.Go(func() {
			for range 40 {
				if _, err := e.store.Set(e.Context(), key, bytes.Repeat([]byte{'a' + byte(w)}, 2000+w), cache.Forever, cache.Always); err != nil {
					e.broken("Set: %v", err)
					return
				}
			}
		})
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				got, found, err := e.store.Get(e.Context(), key)
				if err != nil || !found || len(bytes.Trim(got, string(got[:1]))) != 0 {
					e.broken("Get while others write = %q, %v, %v", clip(got), found, err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

var setChecks = []check{
	{"Overwrites", "Set replaces the value of what was there.", func(e *env) {
		key := e.key("k")
		for _, value := range []string{"first", "second", "", "third, which is longer"} {
			e.set(key, value, cache.Forever)
			e.holds(key, value)
		}
	}},
	{"Alone", "Set changes nothing but its key.", func(e *env) {
		e.set(e.key("a"), "1", cache.Forever)
		e.set(e.key("ab"), "2", cache.Forever)
		e.set(e.key("a"), "3", brief)
		e.gone(e.key("a"))
		e.holds(e.key("ab"), "2")
	}},
	{"Many", "A Store is safe for concurrent use.", func(e *env) {
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 25 {
					key := e.key(itoa(w) + "-" + itoa(i))
					if _, err := e.store.Set(e.Context(), key, []byte(key), cache.Forever, cache.Always); err != nil {
						e.broken("Set: %v", err)
						return
					}
					if got, found, err := e.store.Get(e.Context(), key); err != nil || !found || string(got) != key {
						e.broken("Get right after Set = %q, %v, %v", got, found, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}},
}

var deleteChecks = []check{
	{"Counts", "Delete reports how many of the keys held a value.", func(e *env) {
		keys := e.keys(4)
		e.set(keys[0], "a", cache.Forever)
		e.set(keys[1], "", cache.Forever)
		e.set(keys[2], "c", cache.Forever)
		e.deletes(3, keys...)
		e.deletes(0, keys...)
		for _, key := range keys {
			e.absent(key)
		}
	}},
	{"Twice", "Delete counts a key that is named twice once.", func(e *env) {
		key := e.key("k")
		e.set(key, "a", cache.Forever)
		e.deletes(1, key, key)
	}},
	{"Expired", "Delete counts only values that had not expired.", func(e *env) {
		key := e.key("k")
		e.set(key, "a", brief)
		e.gone(key)
		e.deletes(0, key)
	}},
	{"Alone", "Delete removes the keys, and nothing else.", func(e *env) {
		for _, name := range []string{"a", "ab", "a*", "*", "%"} {
			e.set(e.key(name), name, cache.Forever)
		}
		e.deletes(2, e.key("*"), e.key("%"))
		for _, name := range []string{"a", "ab", "a*"} {
			e.holds(e.key(name), name)
		}
	}},
	{"Hundreds", "Delete removes the keys, however many.", func(e *env) {
		keys := e.keys(700)
		e.setAll(keys[:300])
		e.deletes(300, keys...)
	}},
	{"Race", "Of many callers that delete one value at once, one removes it.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", cache.Forever)
		if n := e.winners(32, func(int) (bool, error) {
			n, err := e.store.Delete(e.Context(), key)
			return n == 1, err
		}); n != 1 {
			e.broken("%d of 32 callers removed the value, want 1", n)
		}
	}},
}

func (e *env) deletes(want int, keys ...string) {
	e.Helper()
	n, err := e.store.Delete(e.Context(), keys...)
	e.ok("Delete", err)
	if n != want {
		e.broken("Delete of %d keys = %d, want %d", len(keys), n, want)
	}
}

var closeChecks = []check{
	{"Concurrent", "Close may be called by several at once, and while calls are running.", func(e *env) {
		store := e.fresh()
		var wg sync.WaitGroup
		started := make(chan struct{}, 4)
		for w := range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					_, err := store.Set(e.Context(), e.key(itoa(w)), []byte("x"), brief, cache.Always)
					if i == 0 {
						started <- struct{}{}
					}
					if errors.Is(err, cache.ErrClosed) {
						return
					}
					if err != nil {
						e.broken("Set while the store is being closed: %v, want nil or ErrClosed", err)
						return
					}
				}
			})
		}
		for range 4 {
			<-started
		}
		for range 3 {
			wg.Go(func() { e.check("Close", store.Close()) })
		}
		wg.Wait()
	}},
}

// check is ok for goroutines, which must not stop the test.
func (e *env) check(call string, err error) {
	e.Helper()
	if err != nil {
		e.broken("%s: %v", call, err)
	}
}
