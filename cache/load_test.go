package cache_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

func newCache(t testing.TB, edit func(*cache.Config)) *cache.Cache {
	t.Helper()
	store, err := memory.New(memory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := cache.Config{Store: store, Prefix: "test"}
	if edit != nil {
		edit(&cfg)
	}
	c, err := cache.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		_ = store.Close()
	})
	return c
}

func value[T any](v T) func(context.Context) (T, error) {
	return func(context.Context) (T, error) { return v, nil }
}

func tagNames(d cache.Deps) string {
	var names []string
	for _, t := range d.Tags {
		names = append(names, t.Name)
	}
	return strings.Join(names, ",")
}

// What a loader depends on belongs to its value, and to what is made with the
// value: when it is loaded, and when it is found.
func TestScopeFlowsOnFillAndHit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, nil)
		books := cache.Of[string](c)
		load := func(ctx context.Context) (string, error) {
			cache.Tag(ctx, "book:1")
			author, err := books.GetOrSet(ctx, "author", value("anna"), cache.WithTags("author:1"), cache.TTL(20*time.Second))
			return "by " + author, err
		}
		start := time.Now()
		for i := range 3 {
			ctx, page := cache.Open(t.Context())
			got, err := books.GetOrSet(ctx, "book", load, cache.WithTags("shelf"))
			if err != nil || got != "by anna" {
				t.Fatalf("%q, %v", got, err)
			}
			deps := page.Deps()
			if names := tagNames(deps); !strings.Contains(names, "book:1") || !strings.Contains(names, "author:1") || !strings.Contains(names, "shelf") {
				t.Fatalf("round %d: the page has the tags %q", i, names)
			}
			for _, tag := range deps.Tags {
				if tag.Token.IsZero() {
					t.Errorf("round %d: tag %s came without its token", i, tag.Name)
				}
			}
			// The explicit 20 s of the author cap the page; the default of
			// the book does not.
			if want := start.Add(20 * time.Second); deps.Expires.Sub(want).Abs() > time.Millisecond {
				t.Fatalf("round %d: the page expires at %v, want %v", i, deps.Expires, want)
			}
			time.Sleep(3 * time.Second)
		}
		if err := c.Purge(t.Context(), "author:1"); err != nil {
			t.Fatal(err)
		}
		if _, found, _ := books.Get(t.Context(), "book"); found {
			t.Fatal("purging the author's tag left the book, which was made with the author")
		}
	})
}

func TestPrivateLoaderIsNotSharedOrStored(t *testing.T) {
	t.Parallel()
	c := newCache(t, nil)
	v := cache.Of[string](c)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			user := fmt.Sprint("user", i)
			ctx, page := cache.Open(t.Context())
			got, err := v.GetOrSet(ctx, "greeting", func(ctx context.Context) (string, error) {
				cache.Private(ctx, "session")
				return user, nil
			})
			if err != nil || got != user {
				t.Errorf("%s got %q, %v", user, got, err)
			}
			if page.Deps().Private != "session" {
				t.Error("the page did not become private")
			}
		})
	}
	wg.Wait()
	if found, err := c.Has(t.Context(), "greeting"); found || err != nil {
		t.Fatalf("a private value was stored: %v, %v", found, err)
	}
}

func TestPerUserIsStoredAndStaysPrivate(t *testing.T) {
	t.Parallel()
	c := newCache(t, nil)
	for i := range 2 {
		ctx, page := cache.Open(t.Context())
		got, err := cache.Of[string](c).GetOrSet(ctx, "cart:7", func(ctx context.Context) (string, error) {
			cache.Private(ctx, "session")
			return fmt.Sprint("run ", i), nil
		}, cache.PerUser())
		if err != nil || got != "run 0" {
			t.Fatalf("%q, %v", got, err)
		}
		if page.Deps().Private == "" {
			t.Fatalf("round %d: what shows the value is not private", i)
		}
	}
}

func TestVaryingValueIsOnlyForItsReaders(t *testing.T) {
	t.Parallel()
	c := newCache(t, nil)
	load := func(ctx context.Context) (string, error) {
		p, err := ctx.Value(cache.VariantsKey{}).(locale).Variant(ctx, "locale")
		cache.Vary(ctx, "locale", p.Value)
		return p.Value, err
	}
	for _, l := range []locale{"de", "de", "en", "de"} {
		ctx := context.WithValue(t.Context(), cache.VariantsKey{}, l)
		if got, err := cache.Of[string](c).GetOrSet(ctx, "title", load); err != nil || got != string(l) {
			t.Fatalf("reader of %s got %q, %v", l, got, err)
		}
	}
	if _, found, _ := cache.Of[string](c).Get(t.Context(), "title"); found {
		t.Fatal("a reader without a locale got a value that varies by it")
	}
}

type locale string

func (l locale) Variant(context.Context, string) (cache.Pair, error) {
	return cache.Pair{Name: "locale", Value: string(l)}, nil
}

func TestLoaderErrorsAndPanics(t *testing.T) {
	t.Parallel()
	c := newCache(t, nil)
	v := cache.Of[int](c)
	boom := errors.New("boom")
	if _, err := v.GetOrSet(t.Context(), "k", func(context.Context) (int, error) { return 0, boom }); !errors.Is(err, boom) {
		t.Fatalf("error: %v", err)
	}
	var p *cache.PanicError
	if _, err := v.GetOrSet(t.Context(), "k", func(context.Context) (int, error) { panic(boom) }); !errors.As(err, &p) || !errors.Is(err, boom) || len(p.Stack) == 0 {
		t.Fatalf("panic: %v", err)
	}
	_, err := v.GetOrSet(t.Context(), "k", func(ctx context.Context) (int, error) {
		return v.GetOrSet(ctx, "k", value(1))
	})
	if err == nil || !strings.Contains(err.Error(), "wait for itself") {
		t.Fatalf("a loader that asks for its own key: %v", err)
	}
	if got, err := v.GetOrSet(t.Context(), "k", value(7)); err != nil || got != 7 {
		t.Fatalf("after failures: %d, %v", got, err)
	}
	if _, err := cache.Of[func()](c).GetOrSet(t.Context(), "f", value(func() {})); err == nil {
		t.Fatal("a value that cannot be encoded was no error")
	}
}

func TestLoaderOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, nil)
		v := cache.Of[string](c)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := v.GetOrSet(ctx, "slow", func(ctx context.Context) (string, error) {
			time.Sleep(5 * time.Second)
			return "done", ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the caller waited beyond its context: %v", err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got, found, err := v.Get(t.Context(), "slow"); got != "done" || !found || err != nil {
			t.Fatalf("the loader's work was lost: %q, %v, %v", got, found, err)
		}
	})
}

func TestCloseEndsLoaders(t *testing.T) {
	t.Parallel()
	c := newCache(t, nil)
	begun := make(chan struct{})
	errs := make(chan error, 1)
	go func() {
		_, err := cache.Of[int](c).GetOrSet(context.Background(), "k", func(ctx context.Context) (int, error) {
			close(begun)
			<-ctx.Done()
			return 0, ctx.Err()
		})
		errs <- err
	}()
	<-begun
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Fatalf("loader: %v", err)
	}
	if _, err := cache.Of[int](c).GetOrSet(t.Context(), "k", value(1)); !errors.Is(err, cache.ErrClosed) {
		t.Fatalf("after Close: %v", err)
	}
}

func TestStaleFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, nil)
		v := cache.Of[int64](c)
		var runs atomic.Int64
		load := func(context.Context) (int64, error) { return runs.Add(1), nil }
		get := func() int64 {
			n, err := v.GetOrSet(t.Context(), "k", load, cache.TTL(10*time.Second), cache.StaleFor(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		get()
		time.Sleep(11 * time.Second)
		if found, _ := c.Has(t.Context(), "k"); found {
			t.Fatal("a stale value counts as there")
		}
		if got := get(); got != 1 {
			t.Fatalf("got run %d, want the stale first", got)
		}
		synctest.Wait()
		if got := get(); got != 2 {
			t.Fatalf("got run %d after the refresh", got)
		}
		time.Sleep(71 * time.Second)
		if got := get(); got != 3 {
			t.Fatalf("got run %d after stale time", got)
		}
	})
}

// Random schedules of loads, purges and reads: a read never returns data from
// before a purge that was acknowledged before the read began.
func TestNoStaleAfterPurge(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := newCache(t, nil)
	v := cache.Of[int64](c)
	const rows = 4
	var row, acknowledged [rows]atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for range 1500 {
				i := r.IntN(rows)
				tag := fmt.Sprint("row:", i)
				if r.IntN(4) == 0 {
					n := row[i].Add(1)
					if err := c.Purge(t.Context(), tag); err != nil {
						t.Error(err)
					}
					for have := acknowledged[i].Load(); have < n && !acknowledged[i].CompareAndSwap(have, n); have = acknowledged[i].Load() {
					}
					continue
				}
				bound := acknowledged[i].Load()
				pause := r.IntN(3) == 0
				got, err := v.GetOrSet(t.Context(), tag, func(ctx context.Context) (int64, error) {
					n := row[i].Load()
					if pause {
						time.Sleep(time.Microsecond)
					}
					cache.Tag(ctx, tag)
					return n, nil
				})
				if err != nil {
					t.Error(err)
				}
				if got < bound {
					t.Errorf("read version %d of row %d, %d was acknowledged before", got, i, bound)
					return
				}
			}
		})
	}
	wg.Wait()
}
