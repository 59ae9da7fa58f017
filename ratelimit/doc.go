// Package ratelimit limits how often something may happen, the same for all
// servers of a site.
//
//	store, err := redis.New(ctx, redis.Config{URL: "redis://127.0.0.1:6379/1", Prefix: "motivational_app"})
//	limiter, err := ratelimit.New(ratelimit.Config{Store: store})
//	defer limiter.Close()
//	logins := ratelimit.Limit{Name: "login", Requests: 5, Period: time.Minute}
//	decision, err := limiter.Take(ctx, ratelimit.Ask{Limit: logins, Key: address})
//	if !decision.Allowed { … 429, Retry-After: decision.RetryAfter … }
//
// A limit is a bucket that drains at the rate of Requests per Period and takes
// Burst at once (GCRA, the algorithm of ATM's traffic contracts). So in any
// window as long as the period at most Requests + Burst are allowed. The bucket
// is one number in Redis, which one script reads and writes by the server's own
// clock: one round trip a decision, whichever servers ask.
//
// # When Redis is away
//
// The limiter never fails and never opens. A decision waits for Redis no longer
// than Config.Deadline; then this server decides by itself, with its share: the
// limit divided by the number of servers that were seen last (each shows itself
// in Redis every second). After a failure nobody waits any more: Redis is asked
// in the background until it answers, and then decides again.
//
// Nothing is known at such a change of what the other side has allowed. Bursts
// are therefore smaller around it, so that in the one window that contains it at
// most twice the limit is allowed. A server that alone has lost Redis, while
// the others have not, allows its share on top of what Redis allows. Servers that
// start while Redis is away, or are started then, know of no others: there
// Config.Instances counts.
//
// If a limit is smaller than the number of servers, only some of them have a
// share in each key, always the same ones: a tenth of a request cannot be allowed.
package ratelimit
