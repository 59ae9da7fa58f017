// Package failover keeps a cache working while the store that servers share is
// away: a primary, Redis, behind a breaker, and a fallback, a table in the
// database, behind it.
//
//	shared, err := redis.New(ctx, redis.Config{URL: os.Getenv("REDIS_URL")})
//	…
//	spare, err := database.Open(ctx, database.Config{URL: os.Getenv("DATABASE_URL"), MaxConns: 4})
//	…
//	store, err := failover.New(failover.Config{Primary: shared, Fallback: spare, Prefix: "motivational_app"})
//	if err != nil {
//		return err
//	}
//	defer store.Close() // and then those of shared and spare
//	c, err := cache.New(cache.Config{Store: store, Prefix: "motivational_app", IgnoreErrors: true})
//
// A [Store] is closed (the primary answers), open (it does not: nothing of a
// request touches it, and a probe in the background asks whether it is back) or
// replaying (it is back, and is told what it has missed). All calls of a request
// spend one budget of time, 50ms by default; when it is used up they fail at
// once with cache.ErrDegraded.
//
// # What is promised while open
//
// Values, pages and fragments are kept in the fallback, under the number of the
// outage, so that nothing of an earlier one is ever read. Each outage begins
// empty. Locks, leases and whatever else needs that all servers agree fail with
// cache.ErrDegraded: every call on keys "<prefix>:l:", and Incr except on control
// keys or under [BestEffort]. Set with IfAbsent and Swap of other keys are
// atomic among the servers that live on the same fallback, and exclude nobody
// who still has the primary.
//
// What the application itself writes or deletes while open (not what a loader
// fills in) is gone from the primary before that is trusted again: it is in the
// journal, if there is one, or in this process' memory. Servers that are healthy
// hear of it through the journal, and say there what they change, for as long as
// they hear that a peer is degraded. Without a journal only one server's own
// values are coherent in an outage.
package failover
