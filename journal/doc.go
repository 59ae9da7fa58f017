// Package journal keeps the durable log of invalidations, in a table of
// Postgres or SQLite or, for tests and single machines, in memory.
//
//	log, err := journal.Open(ctx, journal.Config{URL: "postgres://quotes:secret@127.0.0.1/quotes", Domain: "motivational_app", AutoCreate: true})
//	if err != nil {
//		return err
//	}
//	defer log.Close()
//	stop := log.Subscribe(func(rows []journal.Row) { … forget what they name … })
//	defer stop()
//	_, err = log.Append(ctx, cache.Invalidation{Kind: cache.InvalidTag, Name: "quotes"})
//
// Every invalidation is a row. It is written before it is acknowledged and
// before any cache hears of it, and it never holds a value. [Journal.PurgeTx]
// writes rows in a transaction of the caller's, so that data and purge are
// committed together or not at all.
//
// Every server follows the journal: rows that others have committed arrive
// within about a millisecond, and if notifications get lost, with the next poll.
// Each row arrives once, in the order in which transactions became visible.
//
// A [Position] is a point in the journal's order, which is by transaction and
// row. Transactions commit in another order than they begin, so a row may still
// appear before one that can be read already. A Position is therefore only ever
// taken where no older transaction is under way ("settled"): all rows up to it
// are known, for good. Long transactions elsewhere in the database hold back
// positions, but never the arrival of rows.
//
// A [Replayer] keeps a shared store, Redis, in step: it applies what nobody has
// told the store yet, and what a store that returns with old data has
// forgotten. How far a store has come is written in the store itself, as the
// mark of each of its servers.
package journal
