// Package redisconn is the one place that knows how Echoic reaches Redis or
// Valkey: one URL parser and one dial policy for both clients, rueidis (cache)
// and redigo (sessions).
//
//	target, err := redisconn.Parse("redis://:secret@127.0.0.1:6379/1")
//	link, err := redisconn.Open(ctx, target, redisconn.Policy{}, logger)
//	defer link.Close()
//	err = link.Read(ctx, "get", func(ctx context.Context, c rueidis.Client) error {
//		return c.Do(ctx, c.B().Get().Key("greeting").Build()).Error()
//	})
//
// A [Target] is where the server is and who we are there; it never shows its
// password. A [Policy] is how long we wait. A [Link] is a connection that may
// be away and comes back by itself: its calls end within the policy's times
// whatever the server does, fail at once while the server is known to be away,
// and need nobody to reconnect.
//
// Both clients, left to their defaults, wait 5 to 40 seconds for a server that
// has stopped answering. Nothing here waits longer than the policy says.
package redisconn
