// Package memory hands messages to the subscribers of the same process: for
// development, tests, and a site that is one process.
package memory

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/echoic-go/echoic/pubsub"
)

// Driver is a pubsub.Driver. The zero value is ready to use. Buses over the same
// one hear each other. It is safe for concurrent use.
type Driver struct {
	mu    sync.Mutex // also orders messages
	conns map[*conn]struct{}
}

var _ pubsub.Driver = (*Driver)(nil)

type conn struct {
	driver   *Driver
	deliver  func(string, []byte)
	channels map[string]bool // under the driver's lock
	lost     chan struct{}
}

// Publish implements pubsub.Driver.
func (d *Driver) Publish(_ context.Context, channel string, payload []byte) error {
	payload = bytes.Clone(payload)
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		if c.channels[channel] {
			c.deliver(channel, payload)
		}
	}
	return nil
}

// Listen implements pubsub.Driver.
func (d *Driver) Listen(_ context.Context, deliver func(string, []byte)) (pubsub.Conn, error) {
	c := &conn{driver: d, deliver: deliver, channels: make(map[string]bool), lost: make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conns == nil {
		d.conns = make(map[*conn]struct{})
	}
	d.conns[c] = struct{}{}
	return c, nil
}

// Close implements pubsub.Driver.
func (d *Driver) Close() error { return nil }

func (c *conn) Subscribe(_ context.Context, channels ...string) error {
	c.driver.mu.Lock()
	defer c.driver.mu.Unlock()
	for channel := range slices.Values(channels) {
		c.channels[channel] = true
	}
	return nil
}

func (c *conn) Unsubscribe(_ context.Context, channels ...string) error {
	c.driver.mu.Lock()
	defer c.driver.mu.Unlock()
	for channel := range slices.Values(channels) {
		delete(c.channels, channel)
	}
	return nil
}

func (c *conn) Lost() <-chan struct{} { return c.lost }

func (c *conn) Close() error {
	c.driver.mu.Lock()
	defer c.driver.mu.Unlock()
	delete(c.driver.conns, c)
	return nil
}
