package pubsub

import (
	"sync"
	"unicode/utf8"
)

// Message is what a subscriber gets.
type Message struct {
	// Channel is where it was published, as the subscriber has named it.
	Channel string
	// Payload is shared by all subscribers of the process: do not change it.
	Payload []byte
	// Missed says that this is no message: others may have been missed before
	// it, on any of the subscription's channels.
	Missed bool
}

// longestChannel is in bytes.
const longestChannel = 200

func checkChannel(name string) error {
	if name == "" || len(name) > longestChannel || !utf8.ValidString(name) {
		return &ChannelError{name}
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return &ChannelError{name}
		}
	}
	return nil
}

// queue holds messages until they are read, bounded in number and bytes. When it
// is full the oldest go, and a message that says so takes their place in front.
type queue struct {
	most      int
	mostBytes int

	mu      sync.Mutex
	list    []Message
	bytes   int
	missed  bool // comes before list
	dropped uint64
	wake    chan struct{} // holds an element when there is something
}

func newQueue(most, mostBytes int) *queue {
	return &queue{most: most, mostBytes: mostBytes, wake: make(chan struct{}, 1)}
}

func (q *queue) push(m Message) {
	q.mu.Lock()
	q.list = append(q.list, m)
	q.bytes += len(m.Payload)
	drop := 0
	for len(q.list)-drop > q.most || q.bytes > q.mostBytes && drop < len(q.list) {
		q.bytes -= len(q.list[drop].Payload)
		q.list[drop] = Message{}
		drop++
	}
	if drop > 0 {
		q.list = q.list[drop:]
		q.missed = true
		q.dropped += uint64(drop)
	}
	q.mu.Unlock()
	q.signal()
}

// miss says that something may have been missed. What is waiting was before that;
// who has read the state afresh needs it no less.
func (q *queue) miss() {
	q.mu.Lock()
	q.missed = true
	q.mu.Unlock()
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// pop returns the next message, if there is one.
func (q *queue) pop() (m Message, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.missed:
		q.missed = false
		m = Message{Missed: true}
	case len(q.list) > 0:
		m = q.list[0]
		q.list[0] = Message{}
		q.list = q.list[1:]
		q.bytes -= len(m.Payload)
	default:
		return m, false
	}
	if len(q.list) > 0 {
		q.signal() // for another reader
	}
	return m, true
}

func (q *queue) lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
