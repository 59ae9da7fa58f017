package pubsub

import (
	"context"
	"iter"
	"sync"
)

// Subscription gets the messages of some channels. It is safe for concurrent use;
// of several readers each gets some of the messages.
type Subscription struct {
	bus      *PubSub
	channels []string // with the prefix
	queue    *queue
	once     sync.Once
	done     chan struct{}

	// What follows is the bus's, under its lock.
	ready chan struct{} // closed when all channels were first subscribed to
	live  bool          // ready is closed
	late  bool          // Subscribe did not wait for it
}

// Receive returns the next message, and waits for one. The error is that of ctx,
// or ErrClosed after Close, of the subscription or of the bus, whatever is still
// waiting.
func (s *Subscription) Receive(ctx context.Context) (Message, error) {
	for {
		select {
		case <-s.done:
			return Message{}, ErrClosed
		default:
		}
		if m, ok := s.queue.pop(); ok {
			return m, nil
		}
		select {
		case <-s.queue.wake:
		case <-s.done:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}

// Messages goes through the messages until ctx ends or the subscription is closed.
func (s *Subscription) Messages(ctx context.Context) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		for {
			m, err := s.Receive(ctx)
			if err != nil || !yield(m) {
				return
			}
		}
	}
}

// Done is closed when the subscription is.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Close ends the subscription. It is idempotent.
func (s *Subscription) Close() error {
	s.end()
	s.bus.remove(s)
	return nil
}

func (s *Subscription) end() { s.once.Do(func() { close(s.done) }) }
