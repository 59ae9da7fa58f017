// Package database keeps cached values in one table of Postgres or SQLite, for
// sites that have no Redis.
//
//	store, err := database.Open(ctx, database.Config{URL: "postgres://quotes:secret@127.0.0.1/quotes", AutoCreate: true})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	quotes, err := cache.New(cache.Config{Store: store, Prefix: "motivational_app"})
//
// Every call is one SQL statement, atomic across all servers that share the
// table: storing is an upsert, counting an UPDATE … RETURNING, and the calls for
// many keys take one round trip. Rows that have expired are not there for any
// call, whether or not they have been removed yet. A [Store] removes them in the
// background, in small batches, and the least recently written ones too if there
// are more than Config.MaxEntries.
//
// Lifetimes are counted by the clock of the database, in whole milliseconds: by
// that of the Postgres server, so that servers whose clocks differ agree, and by
// that of the machine for SQLite.
//
// The store has connections of its own unless it is given some: what a caller
// does in a transaction, a rollback for example, does not touch the cache.
package database
