// Package redis keeps sessions in Redis or Valkey, version 6.2 or later, under
// the keys of scs's redisstore: a prefix and the token. Sessions that an scs
// application has written there are found.
//
//	store, err := redis.Open(ctx, redis.OpenConfig{URL: "redis://:secret@127.0.0.1:6379/1", Prefix: "motivational_app:s:"})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	sessions, err := session.New(session.Config{Store: store})
//
// The URL may also be that of Sentinel or of a Cluster. Who has a redigo pool
// already gives it to [New].
//
// Whose sessions are whose is in a hash for each user, beside the prefix
// ("scs:session-by-user:…"), on which UserSessions and Revoke of session.Manager
// rely: a Redis with sessions must not evict (maxmemory-policy noeviction), or what
// it has forgotten of them cannot be revoked.
//
// What redisstore lacks is here: every save and removal is one command that says
// whether there was a session, deadlines are honoured, and sessions are listed
// by SCAN instead of KEYS.
package redis
