package cache_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/cache/memory"
)

// inspected opens a cache in the process and one outside.
func inspected(t *testing.T, test func(t *testing.T, c *cache.Cache)) {
	t.Helper()
	for name, open := range map[string]func() (cache.Store, error){
		"memory": func() (cache.Store, error) { return memory.New(memory.Config{}) },
		"sqlite": func() (cache.Store, error) {
			return database.Open(t.Context(), database.Config{URL: "sqlite://" + t.TempDir() + "/cache.db", AutoCreate: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := open()
			if err != nil {
				t.Fatal(err)
			}
			c, err := cache.New(cache.Config{Store: store, Prefix: "site"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := errors.Join(c.Close(), store.Close()); err != nil {
					t.Error(err)
				}
			})
			test(t, c)
		})
	}
}

func TestInspectValue(t *testing.T) {
	inspected(t, func(t *testing.T, c *cache.Cache) {
		ctx := t.Context()
		key := "a key: 50 % ünicode"
		if _, err := cache.Of[map[string]int](c).Set(ctx, key, map[string]int{"a": 1}, cache.TTL(time.Hour), cache.WithTags("red")); err != nil {
			t.Fatal(err)
		}
		physical, err := c.PhysicalValue(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		before := c.Stats()
		got, found, err := c.Inspect(ctx, physical)
		if err != nil || !found {
			t.Fatalf("%v, %v", found, err)
		}
		value, _ := got.Value.(map[string]any)
		if got.Kind != cache.KindValue || got.Key != key || got.Version != 1 || !got.Current || len(got.Tags) != 1 || got.Tags[0] != "red" || value["a"] != int64(1) {
			t.Errorf("%+v", got)
		}
		if left := time.Until(got.Expires); left < 59*time.Minute || left > time.Hour {
			t.Errorf("expires in %v, want an hour", left)
		}
		if c.Stats() != before {
			t.Errorf("a look was counted: %+v, before %+v", c.Stats(), before)
		}
		if err := c.Purge(ctx, "red"); err != nil {
			t.Fatal(err)
		}
		if got, found, err = c.Inspect(ctx, physical); err != nil || !found || got.Current || got.Why != "purged by tag" {
			t.Errorf("after a purge: %+v, %v, %v", got, found, err)
		}
	})
}

func TestInspectOthers(t *testing.T) {
	inspected(t, func(t *testing.T, c *cache.Cache) {
		ctx := t.Context()
		if _, err := c.IncrWithTTL(ctx, "hits", 7, cache.TTL(time.Hour)); err != nil {
			t.Fatal(err)
		}
		physical, _ := c.PhysicalValue(ctx, "hits")
		if got, found, err := c.Inspect(ctx, physical); err != nil || !found || got.Kind != cache.KindCounter || got.Key != "hits" || got.Value != "7" || !got.Current {
			t.Errorf("a counter: %+v, %v, %v", got, found, err)
		}
		if err := c.Clear(ctx); err != nil {
			t.Fatal(err)
		}
		if got, found, err := c.Inspect(ctx, physical); err != nil || found && got.Current {
			t.Errorf("after Clear: %+v, %v, %v", got, found, err)
		}
		if _, found, err := c.Inspect(ctx, "site:1:v:absent@x"); err != nil || found {
			t.Errorf("an absent key: %v, %v", found, err)
		}
		var wrong *cache.KeyError
		for _, foreign := range []string{"site-session:abc", "other:1:v:x", ""} {
			if _, _, err := c.Inspect(ctx, foreign); !errors.As(err, &wrong) {
				t.Errorf("%q: %v, want a KeyError", foreign, err)
			}
		}
	})
}

// What was made for one visitor is nobody's business.
func TestInspectHidesPrivateValues(t *testing.T) {
	inspected(t, func(t *testing.T, c *cache.Cache) {
		ctx := t.Context()
		_, err := cache.Of[string](c).GetOrSet(ctx, "mine", func(ctx context.Context) (string, error) {
			cache.Private(ctx, "session")
			return "secret", nil
		}, cache.PerUser())
		if err != nil {
			t.Fatal(err)
		}
		physical, _ := c.PhysicalValue(ctx, "mine")
		got, found, err := c.Inspect(ctx, physical)
		if err != nil || !found || got.Private != "session" || got.Value != nil || got.Plain != nil || got.Object != nil {
			t.Errorf("%+v, %v, %v", got, found, err)
		}
	})
}

func TestInspectRecord(t *testing.T) {
	inspected(t, func(t *testing.T, c *cache.Cache) {
		ctx := t.Context()
		text := func(s string) ([]byte, error) { return []byte(s), nil }
		records, err := cache.NewRecords(c, cache.RecordsConfig[string]{
			Kind: 'p', Encode: text, Decode: func(b []byte) (string, error) { return string(b), nil }, Size: func(s string) int { return len(s) },
		})
		if err != nil {
			t.Fatal(err)
		}
		key := cache.NewKey("page", "http://a.test/")
		missed, _, err := records.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		_, scope := records.Open(ctx, missed)
		scope.Tag("blue")
		if _, reason, err := records.Put(ctx, key, "<p>hello", scope, time.Hour); err != nil || reason != "" {
			t.Fatal(reason, err)
		}
		physical, err := c.PhysicalRecord(ctx, 'p', key)
		if err != nil {
			t.Fatal(err)
		}
		got, found, err := c.Inspect(ctx, physical)
		if err != nil || !found || got.Kind != cache.KindPage || !got.Current || len(got.Fields) != 2 || got.Fields[1] != "http://a.test/" || got.Tags[0] != "blue" {
			t.Errorf("%+v, %v, %v", got, found, err)
		}
		if got.Object != "<p>hello" && string(got.Plain) != "<p>hello" {
			t.Errorf("what it holds: %v, %q", got.Object, got.Plain)
		}
	})
}
