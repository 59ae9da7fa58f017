// Package redis keeps a cache in Redis (6.2 or newer) or Valkey, where all
// servers of a site share it.
//
//	store, err := redis.New(ctx, redis.Config{URL: "redis://:secret@127.0.0.1:6379/1"})
//	if err != nil {
//		return err // the URL or a setting is wrong
//	}
//	defer store.Close()
//	c, err := cache.New(cache.Config{Store: store, Prefix: "motivational_app"})
//
// The server may be away when the store is opened, and may go away and come
// back later: calls then fail at once with an error that wraps
// cache.ErrDegraded, and succeed again when it is back. No call for one
// key takes longer than twice the socket timeout (250ms each by default), whatever
// the server does; a call for many keys has as long for every thousand of them.
//
// The store writes only keys that it is given, and never uses KEYS, FLUSHDB or
// FLUSHALL, so it can share a database with others.
package redis
