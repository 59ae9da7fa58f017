// Package pubsub hands messages from one server of a site to all others, as they
// come: through Redis, through Postgres, or within the process.
//
//	driver, err := redis.New(ctx, redis.Config{URL: "redis://127.0.0.1:6379/1"})
//	bus, err := pubsub.New(pubsub.Config{Driver: driver, Prefix: "motivational_app"})
//	defer bus.Close()
//	sub, err := bus.Subscribe(ctx, "quotes")
//	defer sub.Close()
//	go bus.Publish(ctx, "quotes", []byte("42"))
//	for message := range sub.Messages(ctx) {
//		if message.Missed { … look at the whole again … }
//		…
//	}
//
// A message reaches who is subscribed when it is published, at most once, in the
// order of each publisher. Nothing is kept for later. So a subscriber is told
// whenever it may have missed something: after the connection was lost and is
// there again, and when it has not read fast enough. Such a message has Missed set
// and nothing else. What is built on this has to be able to read the state afresh:
// send what has changed, not what it has changed to.
//
// All subscriptions of a process share one connection, which is opened again by
// itself.
package pubsub
