package database_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
)

// Who finds no free connection is told at once, not when one is free.
func TestNoWait(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url, NoWait: true})
		set(t, store, "k", "1", cache.Forever)
		release := lock(t, url)
		var group sync.WaitGroup
		ends := make(chan error, 16)
		for range 16 { // four wait for the row
			group.Go(func() {
				_, err := store.Touch(t.Context(), "k", time.Hour)
				ends <- err
			})
		}
		for range 12 {
			if err := <-ends; !errors.Is(err, cache.ErrDegraded) {
				t.Errorf("a call without a connection: %v", err)
			}
		}
		if _, _, err := store.Get(t.Context(), "k"); !errors.Is(err, cache.ErrDegraded) {
			t.Errorf("a read without a connection: %v", err)
		}
		release()
		group.Wait()
		for range 4 {
			if err := <-ends; err != nil {
				t.Errorf("a call with a connection: %v", err)
			}
		}
		holds(t, store, "k", "1")
	})
}

func TestRenewRefuses(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url})
		token := []byte("12345678abcdefgh")
		if err := store.Renew(t.Context(), []string{"a", "b"}, [][]byte{token}, cache.Forever); err == nil {
			t.Error("a key without a token is taken")
		}
		if err := store.Renew(t.Context(), []string{"a", "b"}, [][]byte{token, token[:9]}, cache.Forever); err == nil {
			t.Error("a token of nine bytes is taken")
		}
		if _, found := get(t, store, "a"); found {
			t.Error("it was written")
		}
	})
}
