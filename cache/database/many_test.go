package database_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/internal/testenv"
)

// counting counts the statements that reach Postgres, and those that fail.
type counting struct {
	mu         sync.Mutex
	statements []string
	failed     []error
}

func (c *counting) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements = append(c.statements, data.SQL)
	return ctx
}

func (c *counting) TraceQueryEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if data.Err != nil {
		c.failed = append(c.failed, data.Err)
	}
}

func (c *counting) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.statements
	c.statements = nil
	return taken
}

func numbered(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("k%05d", i)
	}
	return keys
}

func items(keys []string, ttl time.Duration) []cache.Item {
	all := make([]cache.Item, len(keys))
	for i, key := range keys {
		all[i] = cache.Item{Key: key, Value: []byte("value of " + key), TTL: ttl}
	}
	return all
}

func TestOneStatementACall(t *testing.T) {
	t.Parallel()
	counted := &counting{}
	pool := newPool(t, testenv.Postgres(t).Database(t), func(c *pgxpool.Config) { c.ConnConfig.Tracer = counted })
	store, err := database.NewPostgres(t.Context(), pool, database.Config{AutoCreate: true})
	if err != nil {
		t.Fatal(err)
	}
	closeWith(t, store)
	keys := numbered(20)
	calls := []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"SetMany", func(ctx context.Context) error { _, err := store.SetMany(ctx, items(keys, time.Hour)); return err }},
		{"GetMany", func(ctx context.Context) error { _, err := store.GetMany(ctx, keys); return err }},
		{"Set", func(ctx context.Context) error {
			_, err := store.Set(ctx, keys[0], []byte("1"), time.Hour, cache.Always)
			return err
		}},
		{"Set if absent", func(ctx context.Context) error {
			_, err := store.Set(ctx, keys[0], nil, time.Hour, cache.IfAbsent)
			return err
		}},
		{"Set if present", func(ctx context.Context) error {
			_, err := store.Set(ctx, keys[0], []byte("1"), time.Hour, cache.IfPresent)
			return err
		}},
		{"Get", func(ctx context.Context) error { _, _, err := store.Get(ctx, keys[1]); return err }},
		{"Incr", func(ctx context.Context) error { _, err := store.Incr(ctx, keys[0], 1, nil); return err }},
		{"Incr that creates", func(ctx context.Context) error {
			_, err := store.Incr(ctx, "new", 1, &cache.Initial{TTL: time.Hour})
			return err
		}},
		{"Touch", func(ctx context.Context) error { _, err := store.Touch(ctx, keys[1], time.Hour); return err }},
		{"TTL", func(ctx context.Context) error { _, _, err := store.TTL(ctx, keys[1]); return err }},
		{"Swap", func(ctx context.Context) error {
			_, err := store.Swap(ctx, keys[1], []byte("value of k00001"), []byte("y"), time.Hour)
			return err
		}},
		{"Renew", func(ctx context.Context) error {
			tokens := make([][]byte, len(keys))
			for i := range tokens {
				tokens[i] = []byte("12345678abcdefgh")
			}
			return store.Renew(ctx, keys, tokens, time.Hour)
		}},
		{"Delete of 20", func(ctx context.Context) error {
			n, err := store.Delete(ctx, keys...)
			if n != 20 {
				t.Errorf("Delete of 20 = %d", n)
			}
			return err
		}},
	}
	counted.take()
	for _, call := range calls {
		if err := call.do(t.Context()); err != nil {
			t.Errorf("%s: %v", call.name, err)
		}
		if got := counted.take(); len(got) != 1 {
			t.Errorf("%s took %d statements, want 1: %q", call.name, len(got), got)
		}
	}
}

// More items than SQLite takes in one statement.
func TestSetManyThousands(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url})
		keys := numbered(12_001)
		if failed, err := store.SetMany(t.Context(), items(keys, time.Hour)); err != nil || len(failed) != 0 {
			t.Fatalf("SetMany = %d failed, %v", len(failed), err)
		}
		values, err := store.GetMany(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		for i, value := range values {
			if string(value) != "value of "+keys[i] {
				t.Fatalf("value of %s = %q", keys[i], value)
			}
		}
		if n, err := store.Delete(t.Context(), keys...); n != len(keys) || err != nil {
			t.Errorf("Delete = %d, %v", n, err)
		}
	})
}

func TestSetManyAllOrNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := store.SetMany(ctx, items(numbered(12_001), time.Hour)); err == nil {
			t.Error("SetMany with a context that has ended returned no error")
		}
		for key, err := range store.Keys(t.Context(), "") {
			t.Fatalf("there is key %q, %v", key, err)
		}
	})
}

// Calls for many keys lock their rows in one order: they wait, but never in a
// circle, which Postgres would break only after a second.
func TestManyCallsCross(t *testing.T) {
	t.Parallel()
	counted := &counting{}
	pool := newPool(t, testenv.Postgres(t).Database(t), func(c *pgxpool.Config) {
		c.ConnConfig.Tracer = counted
		c.MaxConns = 8
	})
	store, err := database.NewPostgres(t.Context(), pool, database.Config{AutoCreate: true})
	if err != nil {
		t.Fatal(err)
	}
	closeWith(t, store)
	keys := numbered(60)
	reversed := slices.Clone(keys)
	slices.Reverse(reversed)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var group sync.WaitGroup
	for w := range 8 {
		mine := [][]string{keys, reversed}[w%2]
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			for round := range 20 {
				if round >= 10 { // any of them, in any order
					mine = make([]string, 40)
					for i, at := range r.Perm(len(keys))[:len(mine)] {
						mine[i] = keys[at]
					}
				}
				if _, err := store.SetMany(t.Context(), items(mine, time.Hour)); err != nil {
					t.Error(err)
				}
				if _, err := store.GetMany(t.Context(), mine); err != nil {
					t.Error(err)
				}
				if err := store.Renew(t.Context(), mine, tokensFor(r, mine), time.Hour); err != nil {
					t.Error(err)
				}
				if _, err := store.Delete(t.Context(), mine...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	counted.mu.Lock()
	defer counted.mu.Unlock()
	if len(counted.failed) != 0 {
		t.Errorf("%d statements failed: %v", len(counted.failed), counted.failed[0])
	}
}

// tokensFor makes a token a key, of any number.
func tokensFor(r *rand.Rand, keys []string) [][]byte {
	tokens := make([][]byte, len(keys))
	for i := range tokens {
		tokens[i] = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, r.Uint64()), r.Uint64())
	}
	return tokens
}

func TestKeysPages(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url})
		var all []cache.Item
		for _, prefix := range []string{"a%", "a%~", "a_", "ab", "A%", "ä"} {
			for _, key := range numbered(1000) { // exactly a page of each
				all = append(all, cache.Item{Key: prefix + key, Value: nil, TTL: time.Hour})
			}
		}
		if _, err := store.SetMany(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		for prefix, want := range map[string]int{"": 6000, "a": 4000, "a%": 2000, "a%~": 1000, "a_": 1000, "A%": 1000, "ä": 1000, "b": 0, "a%k000": 100, "~": 0} {
			seen := make(map[string]bool)
			last := ""
			for key, err := range store.Keys(t.Context(), prefix) {
				if err != nil {
					t.Fatal(err)
				}
				if seen[key] || key <= last || !strings.HasPrefix(key, prefix) {
					t.Fatalf("Keys(%q) yields %q after %q", prefix, key, last)
				}
				seen[key], last = true, key
			}
			if len(seen) != want {
				t.Errorf("Keys(%q) yields %d keys, want %d", prefix, len(seen), want)
			}
		}
	})
}

func FuzzBehind(f *testing.F) {
	for _, prefix := range []string{"", "a", "a:~", "ä", "\U0010FFFF", "a\U0010FFFF\U0010FFFF", "\uD7FF", "a\x7f"} {
		f.Add(prefix, "x")
	}
	f.Fuzz(func(t *testing.T, prefix, other string) {
		prefix, other = strings.ToValidUTF8(prefix, ""), strings.ToValidUTF8(other, "")
		end := database.Behind(prefix)
		if !strings.HasPrefix(other, "\U0010FFFF") && strings.Trim(prefix, "\U0010FFFF") != "" && prefix+other >= end {
			t.Errorf("%q starts with %q and is not below %q", prefix+other, prefix, end)
		}
		if other >= prefix && other < end && !strings.HasPrefix(other, prefix) {
			t.Errorf("%q is between %q and %q and does not start with it", other, prefix, end)
		}
	})
}
