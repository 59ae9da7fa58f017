package database_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/internal/testenv"
)

// fillPool makes the store use all of its connections at once.
func fillPool(t *testing.T, store *database.Store) {
	t.Helper()
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			if _, _, err := store.Get(t.Context(), "k"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestPostgresRestartsUnderTheStore(t *testing.T) {
	t.Parallel()
	server := testenv.NewPostgres(t, testenv.PostgresConfig{Durable: true})
	store := open(t, database.Config{URL: server.Database(t), MaxConns: 4})
	set(t, store, "k", "1", cache.Forever)
	ends := []struct {
		name string
		end  func(*testenv.PostgresServer)
	}{
		{"in good order", (*testenv.PostgresServer).Shutdown},
		{"killed", (*testenv.PostgresServer).Kill},
	}
	for round, e := range ends {
		t.Run(e.name, func(t *testing.T) {
			fillPool(t, store)
			e.end(server)
			_, _, err := store.Get(t.Context(), "k")
			if err == nil || strings.Contains(err.Error(), server.Password) {
				t.Errorf("Get without a server: %v", err)
			}
			watch := testenv.NewStopwatch()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			_, _, err = store.Get(ctx, "k")
			cancel()
			if took := watch.Took(); err == nil || took > 3*time.Second {
				t.Errorf("Get without a server took %v: %v", took, err)
			}
			server.Restart()
			holds(t, store, "k", strconv.Itoa(round+1))
			if n, err := store.Incr(t.Context(), "k", 1, nil); n != int64(round+2) || err != nil {
				t.Errorf("Incr after the restart = %d, %v, want %d", n, err, round+2)
			}
		})
	}
}

// Connections of before the restart that nobody used meanwhile are broken, and
// nobody was told. Reads do not show it.
func TestPostgresRestartsUnnoticed(t *testing.T) {
	t.Parallel()
	server := testenv.NewPostgres(t, testenv.PostgresConfig{Durable: true})
	store := open(t, database.Config{URL: server.Database(t), MaxConns: 4})
	set(t, store, "k", "1", cache.Forever)
	for range 3 {
		fillPool(t, store)
		server.Restart()
		fillPool(t, store)
	}
	// Where it is unknown whether a write was carried out, it fails once for
	// each broken connection, and no more.
	fillPool(t, store)
	server.Restart()
	failed := 0
	for range 20 {
		if _, err := store.Incr(t.Context(), "k", 1, nil); err != nil {
			failed++
		}
	}
	if failed > 4 {
		t.Errorf("%d of 20 writes failed after a restart, the store has 4 connections", failed)
	}
	value, _ := get(t, store, "k")
	if n, err := strconv.Atoi(value); err != nil || n < 21-failed || n > 21 {
		t.Errorf("the counter is %q after 20 Incr of which %d failed", value, failed)
	}
}

func TestPostgresStopped(t *testing.T) {
	t.Parallel()
	server := testenv.NewPostgres(t, testenv.PostgresConfig{})
	store := open(t, database.Config{URL: server.Database(t), MaxConns: 4})
	set(t, store, "k", "x", cache.Forever)
	fillPool(t, store)
	server.Stop()
	var group sync.WaitGroup
	for range 16 { // more than there are connections
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			watch := testenv.NewStopwatch()
			if _, _, err := store.Get(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Get from a stopped server: %v, want an error that wraps %v", err, context.DeadlineExceeded)
			}
			if took := watch.Took(); took > 3*time.Second {
				t.Errorf("Get from a stopped server took %v", took)
			}
		})
	}
	group.Wait()
	server.Cont()
	testenv.Eventually(t, 20*time.Second, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, found, err := store.Get(ctx, "k")
		return found && err == nil
	}, "the store works again")
}
