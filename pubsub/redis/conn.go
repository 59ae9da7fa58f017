package redis

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
)

// askEvery is how often the server is asked whether it is there, and whether it
// still is the one to listen to.
const askEvery = 500 * time.Millisecond

// conn listens at one server.
type conn struct {
	driver    *Driver
	addr      string
	client    rueidis.Client
	dedicated rueidis.DedicatedClient
	ended     <-chan error // closed when nothing is delivered any more

	lost   chan struct{}
	once   sync.Once
	stop   context.CancelFunc
	asking sync.WaitGroup

	mu  sync.Mutex
	raw []net.Conn // what was dialled
}

func (d *Driver) connect(addr string, deliver func(string, []byte)) (*conn, error) {
	c := &conn{driver: d, addr: addr, lost: make(chan struct{})}
	option := d.option
	option.InitAddress = []string{addr}
	option.ForceSingleClient = true
	option.Sentinel = rueidis.SentinelOption{}
	option.ClusterOption = rueidis.ClusterOption{}
	dial := option.DialCtxFn
	option.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		raw, err := dial(ctx, addr, dialer, cfg)
		if err == nil {
			c.mu.Lock()
			c.raw = append(c.raw, raw)
			c.mu.Unlock()
		}
		return raw, err
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		if client != nil {
			client.Close()
		}
		return nil, err
	}
	c.client = client
	c.dedicated, _ = client.Dedicate()
	c.ended = c.dedicated.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) {
		if name, ok := strings.CutPrefix(m.Channel, d.prefix); ok {
			deliver(name, []byte(m.Message))
		}
	}})
	asking, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.asking.Go(func() { c.watch(asking) })
	return c, nil
}

// watch notices when nothing comes any more: the connection has ended, the server
// does not answer, or others are the primaries now.
func (c *conn) watch(ctx context.Context) {
	defer c.lose()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-c.ended:
			return
		case <-ctx.Done():
			return
		}
		within, cancel := context.WithTimeout(ctx, c.driver.option.ConnWriteTimeout)
		err := c.dedicated.Do(within, c.dedicated.B().Ping().Build()).Error()
		if err == nil && c.driver.target.Kind() != redisconn.Standalone {
			// While nobody can say who is the primary, this one is as good as
			// any.
			if primaries, failure := c.driver.link.Primaries(within); failure == nil {
				if _, ok := primaries[c.addr]; !ok {
					err = errDemoted
				}
			}
		}
		cancel()
		if err != nil {
			return
		}
	}
}

func (c *conn) lose() { c.once.Do(func() { close(c.lost) }) }

func (c *conn) names(channels []string) []string {
	names := make([]string, len(channels))
	for i, channel := range channels {
		names[i] = c.driver.prefix + channel
	}
	return names
}

// Subscribe implements pubsub.Conn.
func (c *conn) Subscribe(ctx context.Context, channels ...string) error {
	return c.do(ctx, c.dedicated.B().Subscribe().Channel(c.names(channels)...).Build())
}

// Unsubscribe implements pubsub.Conn.
func (c *conn) Unsubscribe(ctx context.Context, channels ...string) error {
	return c.do(ctx, c.dedicated.B().Unsubscribe().Channel(c.names(channels)...).Build())
}

func (c *conn) do(ctx context.Context, command rueidis.Completed) error {
	// The answer to a PING comes behind those for all channels.
	for _, result := range c.dedicated.DoMulti(ctx, command, c.dedicated.B().Ping().Build()) {
		if err := result.Error(); err != nil {
			return failure(redisconn.Failure(c.driver.target, c.driver.option.ConnWriteTimeout, "subscribe", err))
		}
	}
	return nil
}

// Lost implements pubsub.Conn.
func (c *conn) Lost() <-chan struct{} { return c.lost }

// Close implements pubsub.Conn.
func (c *conn) Close() error {
	c.stop()
	c.mu.Lock()
	for _, raw := range c.raw { // rueidis would wait for the server's last answer
		_ = raw.Close()
	}
	c.mu.Unlock()
	c.asking.Wait()
	c.dedicated.Close()
	c.client.Close()
	for range c.ended { // until the last message has been delivered
	}
	return nil
}
