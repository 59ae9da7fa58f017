package cache_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/echoic-go/echoic/cache"
)

// A value that was written or deleted while a loader ran is not overwritten by
// what the loader made of older data.
func TestWriteDuringLoadWins(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*cache.Cache) error{
		"set": func(c *cache.Cache) error {
			_, err := cache.Of[string](c).Set(context.Background(), "k", "new")
			return err
		},
		"delete": func(c *cache.Cache) error { _, err := c.Delete(context.Background(), "k"); return err },
		"clear":  func(c *cache.Cache) error { return c.Clear(context.Background()) },
		"purge":  func(c *cache.Cache) error { return c.Purge(context.Background(), "t") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCache(t, nil)
			v := cache.Of[string](c)
			begun, written := make(chan struct{}), make(chan struct{})
			done := make(chan error, 1)
			go func() {
				_, err := v.GetOrSet(context.Background(), "k", func(ctx context.Context) (string, error) {
					close(begun)
					<-written
					cache.Tag(ctx, "t") // learned after the data was read
					return "old", nil
				})
				done <- err
			}()
			<-begun
			if err := write(c); err != nil {
				t.Fatal(err)
			}
			close(written)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if got, found, _ := v.Get(t.Context(), "k"); found && got == "old" {
				t.Fatal("the older value came back")
			}
		})
	}
}

// So it is where a caller that waited loads for itself, because what the other
// caller's loader made is for nobody else.
func TestWriteDuringOwnLoadWins(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*cache.Cache) error{
		"set": func(c *cache.Cache) error {
			_, err := cache.Of[string](c).Set(context.Background(), "k", "new")
			return err
		},
		"delete": func(c *cache.Cache) error { _, err := c.Delete(context.Background(), "k"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCache(t, nil)
				v := cache.Of[string](c)
				var callers sync.WaitGroup
				first, second := make(chan struct{}), make(chan struct{})
				get := func(load func(context.Context) (string, error)) {
					callers.Go(func() {
						if _, err := v.GetOrSet(t.Context(), "k", load); err != nil {
							t.Error(err)
						}
					})
					synctest.Wait()
				}
				get(func(ctx context.Context) (string, error) {
					<-first
					cache.Private(ctx, "test")
					return "mine", nil
				})
				get(func(context.Context) (string, error) {
					<-second
					return "old", nil
				})
				close(first)
				synctest.Wait()
				if n := c.Stats().Coalesced; n != 1 {
					t.Fatalf("%d callers waited, want 1", n)
				}
				if err := write(c); err != nil {
					t.Fatal(err)
				}
				close(second)
				callers.Wait()
				if got, found, _ := v.Get(t.Context(), "k"); found && got == "old" {
					t.Fatal("the older value came back")
				}
			})
		})
	}
}
