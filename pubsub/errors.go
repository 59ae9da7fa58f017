package pubsub

import (
	"errors"
	"fmt"
)

// Errors that callers branch on.
var (
	// ErrClosed is any call after Close.
	ErrClosed = errors.New("pubsub: closed")
	// ErrUnavailable is what errors of drivers wrap when the server is away.
	ErrUnavailable = errors.New("pubsub: server unavailable")
	// ErrTooMany is a subscription beyond Config.MaxSubscriptions.
	ErrTooMany = errors.New("pubsub: too many subscriptions: end some, or raise Config.MaxSubscriptions")
)

// TooLargeError is a message that does not fit.
type TooLargeError struct {
	// Size is how long the payload is as it has to be sent, Most how long it
	// may be, in bytes.
	Size, Most int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("pubsub: the message takes %d bytes, and %d fit: publish where the data are, and let subscribers read them there", e.Size, e.Most)
}

// ChannelError is a name that no channel can have.
type ChannelError struct{ Name string }

func (e *ChannelError) Error() string {
	return fmt.Sprintf("pubsub: channel %.40q: use 1 to %d bytes of UTF-8 without control characters", e.Name, longestChannel)
}
