package durable_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/durable"
)

// errAsleep is what a database says that is not there.
var errAsleep = errors.New("nobody is there")

// asleep is a database that is not there yet.
type asleep struct{ durable.Database }

func (asleep) Fetch(context.Context, string) (session.Record, bool, error) {
	return session.Record{}, false, errAsleep
}

// TestDatabaseLater: a server starts before its database does.
func TestDatabaseLater(t *testing.T) {
	t.Parallel()
	s, err := durable.New(t.Context(), durable.Config{
		Database: asleep{}, Fast: func(func(context.Context, string) error) (durable.Fast, error) { return nil, nil },
	})
	must(t, err)
	closing(t, s.Close)
	if _, _, err := s.Fetch(t.Context(), "k"); !errors.Is(err, errAsleep) {
		t.Errorf("Fetch: %v", err)
	}
	if done, err := s.Insert(t.Context(), "k", session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour)}); done || !errors.Is(err, errAsleep) {
		t.Errorf("Insert: %v, %v", done, err)
	}
}
