package durable_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/durable"
	"github.com/echoic-go/echoic/session/redis"
	"github.com/echoic-go/echoic/session/sessiontest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	for kind, fresh := range databases() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			sessiontest.Run(t, func(t *testing.T) (a, b session.Store) {
				db, r := fresh(t), testenv.Redis(t)
				cfg := redis.OpenConfig{URL: r.URL, Prefix: r.Prefix + "s:", SocketTimeout: patience, ConnectTimeout: patience}
				first, second := open(t, db(), cfg, calm), open(t, db(), cfg, calm)
				await(t, first, second)
				return first.Store, second.Store
			})
		})
	}
}

// calls counts what reaches a database.
type calls struct {
	durable.Database
	fetched map[string]int
}

func (c *calls) Fetch(ctx context.Context, key string) (session.Record, bool, error) {
	if key == "k" {
		c.fetched[key]++
	}
	return c.Database.Fetch(ctx, key)
}

// TestReadsCopies: a session is read from Redis, and from the database when its
// copy is not there, which is made then.
func TestReadsCopies(t *testing.T) {
	t.Parallel()
	db, r := databases()["sqlite"](t), testenv.Redis(t)
	counted := &calls{db(), map[string]int{}}
	s := open(t, counted, redis.OpenConfig{URL: r.URL, Prefix: r.Prefix, SocketTimeout: patience}, calm)
	await(t, s)
	rec := session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour)}
	if done, err := s.Insert(t.Context(), "k", rec); !done || err != nil {
		t.Fatal(done, err)
	}
	fetch := func(want int) {
		t.Helper()
		got, found, err := s.Fetch(t.Context(), "k")
		if err != nil || !found || string(got.Data) != "x" || got.Expiry.Sub(rec.Expiry).Abs() > time.Minute {
			t.Errorf("Fetch: %q until %v, %v, %v", got.Data, got.Expiry, found, err)
		}
		if n := counted.fetched["k"]; n > want {
			t.Errorf("the database was asked %d times, want %d", n, want)
		}
	}
	for range 10 {
		fetch(0)
	}
	if _, err := s.fast.Remove(t.Context(), s.Epoch()+":k"); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		fetch(2) // before the lease and after it
	}
}

// TestConflict: whoever saves over old data that he has from a copy gets the new
// ones next.
func TestConflict(t *testing.T) {
	t.Parallel()
	db, r := databases()["sqlite"](t), testenv.Redis(t)
	own := db()
	s := open(t, own, redis.OpenConfig{URL: r.URL, Prefix: r.Prefix, SocketTimeout: patience}, calm)
	await(t, s)
	rec := func(text string) session.Record {
		return session.Record{Data: []byte(text), Expiry: time.Now().Add(time.Hour)}
	}
	_, err := s.Insert(t.Context(), "k", rec("old"))
	must(t, err)
	_, err = own.Update(t.Context(), "k", rec("new")) // nobody does
	must(t, err)
	if done, err := s.Swap(t.Context(), "k", []byte("old"), rec("newer")); done || err != nil {
		t.Fatalf("Swap over what is not there: %v, %v", done, err)
	}
	if got, _, err := s.Fetch(t.Context(), "k"); err != nil || string(got.Data) != "new" {
		t.Errorf("Fetch: %q, %v", got.Data, err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if _, err := durable.New(t.Context(), durable.Config{}); err == nil {
		t.Error("New without a database succeeds")
	}
	db := databases()["sqlite"](t)()
	if _, err := durable.New(t.Context(), durable.Config{Database: db}); err == nil {
		t.Error("New without Redis succeeds")
	}
	broken := errors.New("no such server")
	if _, err := durable.New(t.Context(), durable.Config{Database: db, Fast: func(func(context.Context, string) error) (durable.Fast, error) { return nil, broken }}); !errors.Is(err, broken) {
		t.Errorf("New without a server: %v", err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	r := testenv.Redis(t)
	s := open(t, databases()["sqlite"](t)(), redis.OpenConfig{URL: r.URL, Prefix: r.Prefix}, calm)
	must(t, s.Close())
	must(t, s.Close())
	_, _, fetch := s.Fetch(t.Context(), "k")
	_, remove := s.Remove(t.Context(), "k")
	_, stamp := s.Stamp(t.Context(), "u")
	for _, err := range []error{fetch, remove, stamp} {
		if !errors.Is(err, session.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	}
}
