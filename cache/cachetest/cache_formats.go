package cachetest

import (
	"strings"

	"github.com/echoic-go/echoic/cache"
)

var formatChecks = []cacheCheck{
	{"Switch", "Codec and compressor can be switched on a live system: every cache reads what another wrote.", func(e *cacheEnv) {
		configs := map[string]cache.Config{
			"cbor, zlib": {},
			"cbor, none": {Compressor: cache.NoCompression},
			"json, gzip": {Codec: cache.JSON, Compressor: cache.Gzip},
			"json, zstd": {Codec: cache.JSON, Compressor: cache.Zstd, CompressFrom: 1},
		}
		long := sample()
		long.Lines = []string{strings.Repeat("the rest is silence ", 1000)}
		for name, cfg := range configs {
			c := e.newCache(cfg)
			putIn(e, c, name, sample())
			putIn(e, c, name+" long", long)
			putIn(e, c, name+" text", strings.Repeat("x", 5000))
		}
		for name := range configs {
			for reader, cfg := range configs {
				c := e.newCache(cfg)
				hitIn(e, c, name, sample())
				hitIn(e, c, name+" long", long)
				hitIn(e, c, name+" text", strings.Repeat("x", 5000))
				if e.Failed() {
					e.brokenNow("%s cannot read what %s wrote", reader, name)
				}
			}
		}
	}},
	{"Damaged", "Anything odd in the store is a miss, a counter and a delete, never a panic.", checkDamaged},
	{"Copied", "A value that was copied under another key is a miss.", func(e *cacheEnv) {
		if e.caps.NoLister {
			return
		}
		put(e, "mine", "secret")
		put(e, "yours", "public")
		mine, yours := e.physical("mine"), e.physical("yours")
		raw, _, err := e.store.Get(e.Context(), mine)
		e.ok("Get", err)
		e.set(yours, string(raw), cache.Forever)
		missed(e, "yours")
		hit(e, "mine", "secret")
	}},
}

func checkDamaged(e *cacheEnv) {
	if e.caps.NoLister {
		return
	}
	put(e, "k", sample())
	physical := e.physical("k")
	raw, _, err := e.store.Get(e.Context(), physical)
	e.ok("Get", err)
	sound := string(raw)
	damaged := map[string]string{"empty": "", "text": "hello", "cut short": sound[:len(sound)/2], "one byte short": sound[:len(sound)-1], "longer": sound + "x"}
	for i := range len(sound) {
		if i < 48 || i%7 == 0 { // all of the head
			flipped := []byte(sound)
			flipped[i] ^= 1 << (i % 8)
			damaged["bit flipped in byte "+itoa(i)] = string(flipped)
		}
	}
	for name, value := range damaged {
		before := e.c.Stats().Corrupt
		e.set(physical, value, cache.Forever)
		if _, found, err := cache.Of[record](e.c).Get(e.Context(), "k"); found || err != nil {
			e.broken("%s: Get = %v, %v, want a miss", name, found, err)
		}
		if e.c.Stats().Corrupt == before {
			e.broken("%s: not counted", name)
		}
		if _, found, err := e.store.Get(e.Context(), physical); found || err != nil {
			e.broken("%s: still in the store: %v, %v", name, found, err)
		}
	}
	put(e, "k", sample())
	hit(e, "k", sample())
}

// physical finds the store's key of a caller's plain key.
func (e *cacheEnv) physical(key string) string {
	e.Helper()
	for physical, err := range e.store.(cache.Lister).Keys(e.Context(), e.c.Prefix()+":1:v:"+key+"@") {
		e.ok("Keys", err)
		return physical
	}
	e.brokenNow("no value under the readable key <prefix>:<version>:v:%s", key)
	return ""
}

func containsAll(s string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(s, part) {
			return false
		}
	}
	return true
}
