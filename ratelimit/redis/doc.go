// Package redis keeps the buckets of a ratelimit.Limiter in Redis (6.2 or newer)
// or Valkey: one server, Sentinel or Cluster.
//
//	store, err := redis.New(ctx, redis.Config{URL: "redis://127.0.0.1:6379/1", Prefix: "motivational_app"})
//	limiter, err := ratelimit.New(ratelimit.Config{Store: store})
//
// A decision is one script by its SHA-1, with Redis' own clock. A bucket is the
// key <prefix>:r:{<tag>}:<key> with a number of about 16 digits, which expires
// when the bucket is empty; keys are hashes. Who is there is in <prefix>:r:servers.
// A Redis that evicts keys forgets limits: give it room, or a policy that evicts
// others first (volatile-ttl evicts the emptiest buckets first).
package redis
