package faultproxy

import (
	"fmt"
	"time"
)

// Direction is one of the two ways through a proxy.
type Direction int

// The directions.
const (
	// ToServer is from the client to the target.
	ToServer Direction = iota
	// ToClient is from the target to the client.
	ToClient
)

// directions is how many there are.
const directions = 2

// String returns the direction's name.
func (d Direction) String() string {
	switch d {
	case ToServer:
		return "to server"
	case ToClient:
		return "to client"
	}
	return fmt.Sprintf("Direction(%d)", int(d))
}

// Reach says which connections [Faults] act on.
type Reach int

// The reaches.
const (
	// All are the open connections and those to come.
	All Reach = iota
	// Existing are those that are open when the faults are set.
	Existing
	// New are those that come afterwards.
	New
)

// Faults are what happens to bytes in one direction. The zero value is nothing:
// they pass.
type Faults struct {
	// Latency is added to all bytes, Jitter times a random number from 0 to 1
	// on top. Bytes that are under way do not delay those behind them, except
	// that they keep their order.
	Latency, Jitter time.Duration
	// Blackhole swallows everything, the end of the stream included, and says
	// nothing. Who connects is let in. A connection that has lost bytes is
	// reset when its blackhole ends: it cannot be mended.
	Blackhole bool
	// Stall keeps everything and passes it on when the stall ends, as TCP does
	// after a short interruption. Then the sender has to wait.
	Stall bool
	// CutAfter, if positive, resets the connection after so many bytes more,
	// counted for each connection since the faults were set. The bytes before
	// do arrive.
	CutAfter int64
	// Slice, if positive, is the most bytes that go in one write, with
	// SlicePause after each.
	Slice      int
	SlicePause time.Duration
	// Bandwidth, if positive, is in bytes per second, for each connection.
	Bandwidth int
	// Reach says which connections this acts on. The others have no faults.
	Reach Reach
}

// setting is the faults of one direction as they were set. It is not changed
// afterwards: who waits for a change waits for changed.
type setting struct {
	Faults
	// firstNew is the number of the first connection that came after Set.
	firstNew uint64
	changed  chan struct{}
}

// of returns what acts on connection number n.
func (s *setting) of(n uint64) Faults {
	isNew := n >= s.firstNew
	if (s.Reach == Existing && isNew) || (s.Reach == New && !isNew) {
		return Faults{}
	}
	return s.Faults
}
