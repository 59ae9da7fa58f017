package pubsub

import "context"

// Driver is a way between processes. Implementations are safe for concurrent use
// and pass the suite in pubsubtest. Names of channels are at most 400 bytes of
// UTF-8 without control characters; payloads are any bytes.
type Driver interface {
	// Publish returns when the server has the message, or with an error that
	// wraps ErrUnavailable, or a *TooLargeError. After an error it may have it
	// all the same. It does not keep payload.
	Publish(ctx context.Context, channel string, payload []byte) error
	// Listen opens a connection without channels. deliver is called for one
	// message after the other, does not block, and may keep payload. ctx bounds
	// the opening.
	Listen(ctx context.Context, deliver func(channel string, payload []byte)) (Conn, error)
	// Close frees what New has opened, and not what Listen has. It is
	// idempotent.
	Close() error
}

// Conn is a connection that listens. One goroutine uses it.
type Conn interface {
	// Subscribe returns when everything that is published to the channels from
	// now on will be delivered.
	Subscribe(ctx context.Context, channels ...string) error
	// Unsubscribe ends that.
	Unsubscribe(ctx context.Context, channels ...string) error
	// Lost is closed when messages may be missed: the connection has ended, or
	// nobody answers any more, which must be noticed within seconds.
	Lost() <-chan struct{}
	// Close ends the connection. Nothing is delivered when it has returned.
	Close() error
}
