package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/pubsub"
	"github.com/echoic-go/echoic/pubsub/postgres"
	"github.com/echoic-go/echoic/pubsub/pubsubtest"
)

func open(t testing.TB, url string) *postgres.Driver {
	t.Helper()
	d, err := postgres.New(context.Background(), postgres.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestConformance(t *testing.T) {
	t.Parallel()
	pubsubtest.Run(t, func(t *testing.T) pubsubtest.Env {
		url := testenv.Postgres(t).Database(t)
		return pubsubtest.Env{Open: func() pubsub.Driver { return open(t, url) }, Cut: func() { terminate(t, url) }}
	})
}

// terminate ends all other connections to the database.
func terminate(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	if err != nil {
		t.Error(err)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	pubsubtest.RunCut(t, func(t *testing.T) pubsubtest.Env {
		server := testenv.NewPostgres(t, testenv.PostgresConfig{})
		url := server.Database(t)
		return pubsubtest.Env{Open: func() pubsub.Driver { return open(t, url) }, Cut: server.Restart}
	})
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	d := open(t, testenv.Postgres(t).Database(t))
	for _, row := range []struct {
		payload string
		fits    bool
	}{
		{strings.Repeat("x", 7998), true}, {strings.Repeat("x", 7999), false},
		{strings.Repeat("\xff", 5998), true}, {strings.Repeat("\xff", 5999), false},
	} {
		err := d.Publish(t.Context(), "c", []byte(row.payload))
		var large *pubsub.TooLargeError
		if row.fits != (err == nil) || !row.fits && !errors.As(err, &large) {
			t.Errorf("%d bytes: %v", len(row.payload), err)
		}
	}
}
