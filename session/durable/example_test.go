package durable_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/echoic-go/echoic/internal/sqlconn"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/durable"
	"github.com/echoic-go/echoic/session/redis"
	"github.com/echoic-go/echoic/session/sqlite"
)

// Redis is away, and nobody notices: nothing listens on port 1.
func ExampleNew() {
	ctx := context.Background()
	db, done := exampleDatabase(ctx)
	defer done()

	var copies redis.Sessions
	store, err := durable.New(ctx, durable.Config{
		Database: db,
		Fast: func(check func(ctx context.Context, run string) error) (durable.Fast, error) {
			var err error
			copies, err = redis.Open(ctx, redis.OpenConfig{URL: "redis://127.0.0.1:1/0", Check: check})
			return copies, err
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer copies.Close()
	defer store.Close()

	sessions, err := session.New(session.Config{Store: store, StoreBudget: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	request := sessions.Context(ctx, "")
	if err := sessions.Login(request, "ann"); err != nil {
		fmt.Println(err)
		return
	}
	token, _, err := sessions.Commit(request)
	fmt.Println("saved:", err == nil)
	fmt.Println("user:", sessions.UserID(sessions.Context(ctx, token)))
	// Output:
	// saved: true
	// user: ann
}

// exampleDatabase opens a store on a new SQLite file.
func exampleDatabase(ctx context.Context) (db *sqlite.Store, done func()) {
	dir, err := os.MkdirTemp("", "sessions")
	if err != nil {
		panic(err)
	}
	target, err := sqlconn.Parse("sqlite:" + filepath.Join(dir, "sessions.db"))
	if err != nil {
		panic(err)
	}
	file, err := sqlconn.OpenSQLite(ctx, target)
	if err != nil {
		panic(err)
	}
	if db, err = sqlite.New(sqlite.Config{DB: file}); err == nil {
		err = db.CreateTable(ctx)
	}
	if err != nil {
		panic(err)
	}
	return db, func() { _ = db.Close(); _ = file.Close(); _ = os.RemoveAll(dir) }
}
