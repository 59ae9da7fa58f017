package pubsub_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/pubsub"
	"github.com/echoic-go/echoic/pubsub/memory"
)

// flaky is the driver in memory, with connections that can be lost.
type flaky struct {
	memory.Driver
	mu    sync.Mutex
	away  bool
	conns []*flakyConn
}

type flakyConn struct {
	pubsub.Conn
	lost chan struct{}
}

func (c *flakyConn) Lost() <-chan struct{} { return c.lost }

func (f *flaky) Listen(ctx context.Context, deliver func(string, []byte)) (pubsub.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return nil, pubsub.ErrUnavailable
	}
	conn, err := f.Driver.Listen(ctx, deliver)
	c := &flakyConn{conn, make(chan struct{})}
	f.conns = append(f.conns, c)
	return c, err
}

func (f *flaky) set(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
	for _, c := range f.conns {
		close(c.lost)
	}
	f.conns = nil
}

func TestReconnects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		driver := new(flaky)
		bus, err := pubsub.New(pubsub.Config{Driver: driver})
		if err != nil {
			t.Fatal(err)
		}
		defer bus.Close()
		sub, err := bus.Subscribe(t.Context(), "c")
		if err != nil || !bus.Stats().Connected {
			t.Fatal(err, bus.Stats())
		}
		driver.set(true)
		synctest.Wait()
		if s := bus.Stats(); s.Connected || s.Losses != 1 {
			t.Errorf("%+v", s)
		}
		begin := time.Now()
		late, err := bus.Subscribe(t.Context(), "d")
		if err != nil || time.Since(begin) != 2*time.Second {
			t.Errorf("Subscribe while the server is away: %v after %v", err, time.Since(begin))
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if m, err := sub.Receive(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("told while nobody can read the state afresh and be sure: %+v %v", m, err)
		}
		driver.set(false)
		for _, sub := range []*pubsub.Subscription{sub, late} {
			if m, err := sub.Receive(t.Context()); err != nil || !m.Missed {
				t.Errorf("%+v %v", m, err)
			}
		}
		if err := bus.Publish(t.Context(), "d", []byte("1")); err != nil {
			t.Error(err)
		}
		if m, err := late.Receive(t.Context()); err != nil || string(m.Payload) != "1" {
			t.Errorf("%+v %v", m, err)
		}
		// A subscription that was there from the start of a connection has
		// missed nothing.
		fresh, err := bus.Subscribe(t.Context(), "d")
		if err != nil {
			t.Fatal(err)
		}
		if err := bus.Publish(t.Context(), "d", []byte("2")); err != nil {
			t.Error(err)
		}
		if m, err := fresh.Receive(t.Context()); err != nil || m.Missed {
			t.Errorf("%+v %v", m, err)
		}
	})
}

func TestConfigRefuses(t *testing.T) {
	t.Parallel()
	d := new(memory.Driver)
	for name, cfg := range map[string]pubsub.Config{
		"no driver": {}, "prefix": {Driver: d, Prefix: "a\n"}, "buffer": {Driver: d, Buffer: -1}, "bytes": {Driver: d, BufferBytes: 1},
		"payload": {Driver: d, MaxPayload: 1 << 30}, "subscriptions": {Driver: d, MaxSubscriptions: -1}, "patience": {Driver: d, Patience: time.Hour},
	} {
		if bus, err := pubsub.New(cfg); err == nil {
			_ = bus.Close()
			t.Errorf("%s is taken", name)
		}
	}
}
