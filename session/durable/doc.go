// Package durable keeps sessions in a database, and in Redis before it: an outage
// of Redis logs nobody out, and nothing that was acknowledged is lost with it.
//
//	store, err := durable.New(ctx, durable.Config{
//		Database: database, // a session/postgres or session/sqlite store
//		Fast: func(check func(ctx context.Context, run string) error) (durable.Fast, error) {
//			return redis.Open(ctx, redis.OpenConfig{URL: os.Getenv("REDIS_URL"), Check: check})
//		},
//	})
//
// The database decides: every change is made there, and what it says is the answer.
// Redis has copies for reading. While all is well a read is one call of Redis, and
// the database is asked for what is not there.
//
// # How a copy is never older than the database
//
// Who changes a session puts a lease in the place of its copy before the change is
// made, and the new copy in the place of the lease afterwards. Who fills in a copy
// puts his lease there before he reads the database, and his copy only in its
// place. Who does not find his lease any more, since another change has put its own
// there, leaves a new one instead of a copy. So a copy that was read before a change
// never takes the place of one that was read after it, however late commands arrive.
//
// A server whose lease Redis has not acknowledged writes into the database that it
// changes sessions behind Redis' back, before it does. While one server says so,
// none reads copies. When Redis answers that server again, all copies get a new
// epoch, a part of their keys, which is in the database too, and those of before
// are never read; those of the new one are made when every change that was under way
// has ended, after five seconds, until when the database is read. So it is when Redis is another
// process than before, which may have been started from an old dump or be a replica
// that did not have everything, and when the epoch in the database cannot be read.
//
// Servers ask four times a second which epoch it is. A server that is cut off from
// Redis alone is heard of within that time; copies that it has changed meanwhile
// may be read by the others until then, but not overwritten. Logouts and the like
// are in the journal too, which is faster.
//
// # Without the database
//
// Nothing can be changed: errors after at most two seconds, never "no session".
// Copies are read for a minute after the database was last heard, then not any more.
package durable
