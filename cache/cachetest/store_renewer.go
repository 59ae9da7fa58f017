package cachetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var renewerChecks = []check{
	{"Writes", "Renew keeps under each of the keys the token that belongs to it.", func(e *env) {
		keys := e.keys(20)
		tokens := make([][]byte, len(keys))
		for i := range tokens {
			tokens[i] = tokenOf(uint64(i), uint64(100+i))
		}
		e.renews(keys, tokens, cache.Forever)
		for i, key := range keys {
			e.holds(key, string(tokens[i]))
		}
	}},
	{"KeepsTheGreater", "A token with a greater sequence number stays, with its lifetime.", func(e *env) {
		for _, row := range sequences {
			key := e.key(itoa(row.name))
			e.set(key, string(tokenOf(1, row.greater)), cache.Forever)
			// The other part of the token does not count.
			e.renews([]string{key}, [][]byte{tokenOf(math.MaxUint64, row.less)}, time.Hour)
			e.holds(key, string(tokenOf(1, row.greater)))
			e.keepsLifetime(key, cache.Forever, time.Time{})
		}
	}},
	{"ReplacesTheSmaller", "A token with a smaller sequence number is replaced.", func(e *env) {
		for _, row := range sequences {
			key := e.key(itoa(row.name))
			e.set(key, string(tokenOf(math.MaxUint64, row.less)), cache.Forever)
			e.renews([]string{key}, [][]byte{tokenOf(1, row.greater)}, cache.Forever)
			e.holds(key, string(tokenOf(1, row.greater)))
		}
	}},
	{"ReplacesTheSame", "Only a greater sequence number stays: one that is the same is replaced.", func(e *env) {
		e.set(e.key("k"), string(tokenOf(9, 7)), cache.Forever)
		e.renews([]string{e.key("k")}, [][]byte{tokenOf(1, 7)}, cache.Forever)
		e.holds(e.key("k"), string(tokenOf(1, 7)))
	}},
	{"EachByItself", "Each key is judged by itself: one that stays does not keep others.", func(e *env) {
		keys := e.keys(9)
		tokens := make([][]byte, len(keys))
		for i, key := range keys {
			tokens[i] = tokenOf(uint64(i), 10)
			if i%3 != 0 {
				e.set(key, string(tokenOf(77, uint64(8+2*(i%3-1)+1))), cache.Forever) // 9 or 11
			}
		}
		e.renews(keys, tokens, cache.Forever)
		for i, key := range keys {
			want := tokens[i]
			if i%3 == 2 {
				want = tokenOf(77, 11)
			}
			e.holds(key, string(want))
		}
	}},
	{"Malformed", "What is there and is no token is replaced.", func(e *env) {
		great := string(tokenOf(math.MaxUint64, math.MaxUint64))
		for i, old := range []string{"", "5", "text", great[:15], great + "\xff", great[:8], "\x00"} {
			key := e.key(itoa(i))
			e.set(key, old, cache.Forever)
			e.renews([]string{key}, [][]byte{tokenOf(1, 1)}, cache.Forever)
			e.holds(key, string(tokenOf(1, 1)))
		}
	}},
	{"Expired", "A greater token that has expired is not there.", func(e *env) {
		key := e.key("k")
		e.set(key, string(tokenOf(1, 9)), brief)
		e.gone(key)
		e.renews([]string{key}, [][]byte{tokenOf(2, 8)}, cache.Forever)
		e.holds(key, string(tokenOf(2, 8)))
	}},
	{"Lifetime", "Renew gives each token the lifetime ttl.", func(e *env) {
		key := e.key("k")
		e.lifetime(key, brief, func() { e.renews([]string{key}, [][]byte{tokenOf(1, 1)}, brief) })
		begin := time.Now()
		e.set(key, string(tokenOf(1, 1)), cache.Forever)
		e.renews([]string{key}, [][]byte{tokenOf(1, 2)}, time.Hour)
		e.keepsLifetime(key, time.Hour, begin)
		e.renews([]string{key}, [][]byte{tokenOf(1, 3)}, cache.Forever)
		e.keepsLifetime(key, cache.Forever, time.Time{})
	}},
	{"Nothing", "No keys is fine.", func(e *env) { e.renews(nil, nil, cache.Forever) }},
	{"Repeated", "Of a key that is named twice the greater token is kept.", func(e *env) {
		key := e.key("k")
		e.renews([]string{key, e.key("other"), key, key}, [][]byte{tokenOf(1, 5), tokenOf(1, 1), tokenOf(1, 9), tokenOf(1, 7)}, cache.Forever)
		e.holds(key, string(tokenOf(1, 9)))
		e.holds(e.key("other"), string(tokenOf(1, 1)))
	}},
	{"Thousands", "Renew takes as many keys as a purge has.", func(e *env) {
		keys := e.keys(2500)
		tokens := make([][]byte, len(keys))
		for i := range tokens {
			tokens[i] = tokenOf(uint64(i), 3)
		}
		e.renews(keys, tokens, cache.Forever)
		for i := 0; i < len(keys); i += 499 {
			e.holds(keys[i], string(tokens[i]))
		}
	}},
	{"Race", "Renew is one atomic step for each key: of many at once, in any order, the greatest is left.", checkRenewRace},
}

// sequences are pairs that other orders than that of unsigned numbers get wrong.
var sequences = []struct {
	name          int
	less, greater uint64
}{
	{1, 0, 1},
	{2, 255, 256},
	{3, 1<<63 - 1, 1 << 63},
	{4, 1 << 63, math.MaxUint64},
	{5, 1<<53 + 1, 1<<53 + 2},
	{6, 0x00_00_00_00_00_00_00_ff, 0x00_00_00_00_00_01_00_00},
	{7, 0x41_00_00_00_00_00_00_00, 0x61_00_00_00_00_00_00_00}, // A, a
	{8, 0x5a_00_00_00_00_00_00_00, 0x61_00_00_00_00_00_00_00}, // Z, a
}

func checkRenewRace(e *env) {
	const callers = 32
	keys := e.keys(10)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			mine := slices.Clone(keys)
			rand.Shuffle(len(mine), func(a, b int) { mine[a], mine[b] = mine[b], mine[a] })
			tokens := make([][]byte, len(mine))
			for k := range tokens {
				tokens[k] = tokenOf(uint64(i), uint64(i))
			}
			if err := e.store.(cache.Renewer).Renew(e.Context(), mine, tokens, cache.Forever); err != nil {
				e.broken("Renew: %v", err)
			}
		})
	}
	wg.Wait()
	for _, key := range keys {
		e.holds(key, string(tokenOf(callers-1, callers-1)))
	}
}

// tokenOf is a token as cache.Renewer describes it.
func tokenOf(id, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, id), seq)
}

// renews calls Renew, and checks that it leaves its arguments alone.
func (e *env) renews(keys []string, tokens [][]byte, ttl time.Duration) {
	e.Helper()
	keysBefore, tokensBefore := slices.Clone(keys), slices.Clone(tokens)
	e.ok("Renew", e.store.(cache.Renewer).Renew(e.Context(), keys, tokens, ttl))
	if !slices.Equal(keys, keysBefore) || !slices.EqualFunc(tokens, tokensBefore, bytes.Equal) {
		e.broken("Renew changes its arguments")
	}
}

var renewerCalls = []call{
	{"Renew", func(ctx context.Context, s cache.Store, key string) error {
		return s.(cache.Renewer).Renew(ctx, []string{key, key + "-new"}, [][]byte{tokenOf(1, 1), tokenOf(1, 1)}, cache.Forever)
	}},
}
