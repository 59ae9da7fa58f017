package durable_test

import (
	"context"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/durable"
	"github.com/echoic-go/echoic/session/redis"
)

// held is a database that keeps one change back, and what one reader has read.
type held struct {
	durable.Database
	change, read gate
}

// gate is where somebody waits until it is opened.
type gate struct{ reached, opened chan struct{} }

func newGate() gate { return gate{make(chan struct{}), make(chan struct{})} }

func (g gate) pass() {
	close(g.reached)
	<-g.opened
}

type heldKey struct{}

// holding makes the n-th call of ctx stop at a gate.
func holding(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, heldKey{}, &n)
}

// due reports whether this call is the one.
func due(ctx context.Context) bool {
	n, ok := ctx.Value(heldKey{}).(*int)
	if ok {
		*n--
	}
	return ok && *n == 0
}

func (h *held) Update(ctx context.Context, key string, rec session.Record) (bool, error) {
	if due(ctx) {
		h.change.pass()
	}
	return h.Database.Update(ctx, key, rec)
}

func (h *held) Fetch(ctx context.Context, key string) (session.Record, bool, error) {
	rec, found, err := h.Database.Fetch(ctx, key)
	if key == "k" && due(ctx) {
		h.read.pass()
	}
	return rec, found, err
}

// TestLeaseTaken: whatever happens to the lease of a change while the database makes
// it, no copy of what was before it lasts.
func TestLeaseTaken(t *testing.T) {
	t.Parallel()
	rec := func(text string) session.Record {
		return session.Record{Data: []byte(text), Expiry: time.Now().Add(time.Hour)}
	}
	for name, meanwhile := range map[string]func(t *testing.T, s *server){
		"another change is made": func(t *testing.T, s *server) {
			done, err := s.Update(t.Context(), "k", rec("between"))
			if must(t, err); !done {
				t.Error("the other change is not made")
			}
		},
		"another change has nothing to change": func(t *testing.T, s *server) {
			done, err := s.Swap(t.Context(), "k", []byte("else"), rec("wrong"))
			if must(t, err); done {
				t.Error("a change over other data is made")
			}
		},
		"the session is touched and read": func(t *testing.T, s *server) {
			_, err := s.Update(t.Context(), "k", session.Record{Expiry: time.Now().Add(2 * time.Hour)})
			must(t, err)
			_, _, err = s.Fetch(t.Context(), "k")
			must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := testenv.Redis(t)
			db := &held{databases()["sqlite"](t)(), newGate(), newGate()}
			s := open(t, db, redis.OpenConfig{URL: r.URL, Prefix: r.Prefix, SocketTimeout: patience}, calm)
			await(t, s)
			_, err := s.Insert(t.Context(), "k", rec("old"))
			must(t, err)

			changed := make(chan error)
			go func() {
				_, err := s.Update(holding(t.Context(), 1), "k", rec("new"))
				changed <- err
			}()
			<-db.change.reached
			meanwhile(t, s)
			filled := make(chan error)
			go func() {
				_, _, err := s.Fetch(holding(t.Context(), 2), "k") // the second is under its lease
				filled <- err
			}()
			select {
			case err := <-filled: // it made no copy
				must(t, err)
				filled = nil
			case <-db.read.reached:
			}
			close(db.change.opened)
			must(t, <-changed)
			close(db.read.opened)
			if filled != nil {
				must(t, <-filled)
			}
			for range 2 {
				if got, _, err := s.Fetch(t.Context(), "k"); err != nil || string(got.Data) != "new" {
					t.Errorf("Fetch: %q, %v, want what was acknowledged last", got.Data, err)
				}
			}
		})
	}
}
