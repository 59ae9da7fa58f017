package database_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
)

func ExampleOpen() {
	ctx := context.Background()
	// In production: the URL of a Postgres database, or of a SQLite file.
	store, err := database.Open(ctx, database.Config{URL: "sqlite::memory:", AutoCreate: true})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	c, err := cache.New(cache.Config{Store: store, Prefix: "motivational_app"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	authors := cache.Of[string](c)
	if _, err := authors.Set(ctx, "author:1", "Marcus Aurelius", cache.TTL(15*time.Minute)); err != nil {
		log.Fatal(err)
	}
	name, found, err := authors.Get(ctx, "author:1")
	fmt.Println(name, found, err)
	// Output: Marcus Aurelius true <nil>
}

func ExampleStore_Schema() {
	ctx := context.Background()
	store, err := database.Open(ctx, database.Config{URL: "sqlite::memory:", Table: "quotes_cache"})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	fmt.Print(store.Schema())
	// Output:
	// CREATE TABLE IF NOT EXISTS "quotes_cache" (
	// 	key TEXT NOT NULL PRIMARY KEY,
	// 	value BLOB NOT NULL,
	// 	expires_at INTEGER, -- milliseconds since 1970; NULL: never
	// 	written_at INTEGER NOT NULL
	// );
	// CREATE INDEX IF NOT EXISTS "quotes_cache_expires_at" ON "quotes_cache" (expires_at) WHERE expires_at IS NOT NULL;
	// CREATE INDEX IF NOT EXISTS "quotes_cache_written_at" ON "quotes_cache" ((expires_at IS NULL), written_at);
}
