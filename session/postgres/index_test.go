package postgres_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/pgxstore"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/postgres"
)

// oldTable is that of pgxstore.
const oldTable = `CREATE TABLE sessions (token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL);
	CREATE INDEX sessions_expiry_idx ON sessions (expiry);`

// TestUpgrade: a table of scs gets what it lacks, by any number of servers at once
// while it is in use, and scs goes on with it.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	pool := openPool(t, url)
	if _, err := pool.Exec(t.Context(), oldTable); err != nil {
		t.Fatal(err)
	}
	stock := pgxstore.NewWithCleanupInterval(pool, 0)
	expiry := time.Now().Add(time.Hour)
	if err := stock.Commit("theirs", []byte("scs"), expiry); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		s, err := postgres.New(postgres.Config{Pool: openPool(t, url), CleanUp: -1})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range 2 {
				if err := s.CreateTable(t.Context()); err != nil {
					t.Error(err)
				}
				if err := stock.Commit("again", []byte("scs"), expiry); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s := openStore(t, url, postgres.Config{CleanUp: -1})
	if _, found, err := s.Fetch(t.Context(), "theirs"); err != nil || !found {
		t.Errorf("Fetch of what scs wrote: %v, %v", found, err)
	}
	rec := session.Record{Data: []byte("x"), Expiry: expiry, Owner: session.Owner{User: "u", Login: "l", Since: 1, Until: expiry}}
	if _, err := s.Insert(t.Context(), "ours", rec); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range s.Owned(t.Context(), "u") {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Errorf("%d sessions of the user, want 1", n)
	}
}

// TestCreateTableWaitsForNobody: a server that starts does not wait for who has
// read the sessions in a transaction that is still open.
func TestCreateTableWaitsForNobody(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	s := openStore(t, url, postgres.Config{CleanUp: -1})
	tx, err := openPool(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	if _, err := tx.Exec(t.Context(), "SELECT 1 FROM sessions"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.CreateTable(ctx); err != nil {
		t.Errorf("CreateTable of what is there: %v", err)
	}
}

// TestOldTable: without the upgrade the error says what to do.
func TestOldTable(t *testing.T) {
	t.Parallel()
	pool := openPool(t, testenv.Postgres(t).Database(t))
	if _, err := pool.Exec(t.Context(), oldTable); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.New(postgres.Config{Pool: pool, CleanUp: -1})
	if err != nil {
		t.Fatal(err)
	}
	rec := session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour), Owner: session.Owner{User: "u", Login: "l", Since: 1}}
	if _, err := s.Insert(t.Context(), "k", rec); err == nil || !strings.Contains(err.Error(), "create-tables") {
		t.Errorf("Insert into an old table: %v, want the remedy", err)
	}
	if _, err := s.Insert(t.Context(), "k", session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour)}); err != nil {
		t.Errorf("Insert of a visitor without a login: %v", err)
	}
}

// TestRevocationsAreForgotten: they go when they are of no use.
func TestRevocationsAreForgotten(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	s := openStore(t, url, postgres.Config{CleanUp: -1})
	for user, until := range map[string]time.Duration{"old": -time.Hour, "new": time.Hour} {
		if _, err := s.Revoke(t.Context(), session.Revocation{User: user, Until: time.Now().Add(until)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := openPool(t, url).QueryRow(t.Context(), "SELECT string_agg(owner, ',') FROM session_revocations").Scan(&left); err != nil || left != "new" {
		t.Errorf("left: %q, %v", left, err)
	}
}

// TestLoginWaitsForRevocation: a login that comes while a revocation is about to be
// committed is refused by it, although its statement began before.
func TestLoginWaitsForRevocation(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	s := openStore(t, url, postgres.Config{CleanUp: -1})
	since, err := s.Stamp(t.Context(), "u")
	if err != nil {
		t.Fatal(err)
	}
	pool := openPool(t, url)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	for _, statement := range []string{
		`SELECT pg_advisory_xact_lock(hashtextextended('echoic sessions of ' || 'u', 0))`,
		`INSERT INTO session_revocations VALUES ('u', '', ` + strconv.FormatInt(since, 10) + `, now() + interval '1 hour')`,
	} {
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	expiry := time.Now().Add(time.Hour)
	done := make(chan error, 1)
	go func() {
		_, err := s.Insert(t.Context(), "k", session.Record{Data: []byte("x"), Expiry: expiry, Owner: session.Owner{User: "u", Login: "l", Since: since, Until: expiry}})
		done <- err
	}()
	testenv.Eventually(t, 10*time.Second, func() bool {
		var waiting int
		err := pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Scan(&waiting)
		return err == nil && waiting > 0
	}, "the login waits")
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, session.ErrRevoked) {
		t.Errorf("Insert: %v, want ErrRevoked", err)
	}
}
