// Package redis hands messages from process to process through Redis (6.2 or
// newer) or Valkey: one server, Sentinel or Cluster, by PUBLISH and SUBSCRIBE. On
// a Cluster every message goes to every node, and a subscriber listens at one of
// them; sharded channels are not used.
//
//	driver, err := redis.New(ctx, redis.Config{URL: "redis://127.0.0.1:6379/1"})
//	bus, err := pubsub.New(pubsub.Config{Driver: driver, Prefix: "motivational_app"})
//
// Channels of Redis belong to no database; here the number in the URL is the first
// part of their names.
package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/pubsub"
)

// Config says where Redis is. Only URL is required.
type Config struct {
	// URL is as in cache/redis.Config. The password is shown nowhere.
	URL string
	// ConnectTimeout bounds dialling and the TLS handshake. 1ms to 1m.
	// Defaults to 500ms.
	ConnectTimeout time.Duration
	// SocketTimeout is how long a server may be silent before it is given up.
	// It is asked every half second. 1ms to 1m. Defaults to 1s.
	SocketTimeout time.Duration
	// CAFile, CertFile and KeyFile are as in cache/redis.Config.
	CAFile, CertFile, KeyFile string
	// SentinelUser and SentinelPassword are for the sentinels. Default to none.
	SentinelUser, SentinelPassword string
	// Logger gets one line when the server goes away and one when it is back.
	// Defaults to discarding them.
	Logger *slog.Logger
}

const (
	// maxPayload is what Redis takes of one text.
	maxPayload           = 512 << 20
	defaultSocketTimeout = time.Second
)

// Driver is a pubsub.Driver. It is safe for concurrent use.
type Driver struct {
	link   *redisconn.Link // to publish, and to know who is who
	target redisconn.Target
	option rueidis.ClientOption // to listen
	prefix string
}

var _ pubsub.Driver = (*Driver)(nil)

// New returns a driver that connects in the background, whether the server is
// there or not; errors are those of cfg. ctx bounds nothing but this call.
func New(ctx context.Context, cfg Config) (*Driver, error) {
	target, err := redisconn.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("pubsub/redis: Config.URL: %w", err)
	}
	if cfg.SocketTimeout == 0 {
		cfg.SocketTimeout = defaultSocketTimeout
	}
	policy := redisconn.Policy{
		ConnectTimeout: cfg.ConnectTimeout, SocketTimeout: cfg.SocketTimeout,
		CAFile: cfg.CAFile, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile, ClientName: "echoic-pubsub",
		SentinelUser: cfg.SentinelUser, SentinelPassword: cfg.SentinelPassword,
	}
	d := &Driver{target: target, prefix: strconv.Itoa(target.DB()) + ":"}
	if d.option, err = redisconn.RueidisOptions(target, policy); err != nil {
		return nil, fmt.Errorf("pubsub/redis: %w", err)
	}
	if d.link, err = redisconn.Open(ctx, target, policy, cfg.Logger); err != nil {
		return nil, fmt.Errorf("pubsub/redis: %w", err)
	}
	return d, nil
}

// Close implements pubsub.Driver.
func (d *Driver) Close() error { return d.link.Close() }

// Ping asks the server whether it is there, and connects first if need be.
func (d *Driver) Ping(ctx context.Context) error { return failure(d.link.Ping(ctx)) }

// Publish implements pubsub.Driver.
func (d *Driver) Publish(ctx context.Context, channel string, payload []byte) error {
	if len(payload) > maxPayload {
		return &pubsub.TooLargeError{Size: len(payload), Most: maxPayload}
	}
	// A copy: after the deadline the command may still be in a queue.
	text := string(payload)
	return failure(d.link.Write(ctx, "publish", func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Publish().Channel(d.prefix+channel).Message(text).Build()).Error()
	}))
}

// Listen implements pubsub.Driver. It begins with any node of a Cluster, and with
// the primary that the sentinels name.
func (d *Driver) Listen(ctx context.Context, deliver func(string, []byte)) (pubsub.Conn, error) {
	addrs, err := d.addrs(ctx)
	if err != nil {
		return nil, failure(err)
	}
	rand.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	for _, addr := range addrs {
		var c *conn
		if c, err = d.connect(addr, deliver); err == nil {
			return c, nil
		}
	}
	return nil, failure(redisconn.Failure(d.target, d.option.ConnWriteTimeout, "listen", err))
}

// addrs is where to listen.
func (d *Driver) addrs(ctx context.Context) ([]string, error) {
	if d.target.Kind() == redisconn.Standalone {
		return d.target.Addrs(), nil
	}
	primaries, err := d.link.Primaries(ctx)
	return slices.Collect(maps.Keys(primaries)), err
}

// driverError gives an error of the link the meaning that it has for a bus.
type driverError struct {
	meaning, cause error
}

func (e *driverError) Error() string   { return e.cause.Error() }
func (e *driverError) Unwrap() []error { return []error{e.meaning, e.cause} }

func failure(err error) error {
	switch {
	case errors.Is(err, redisconn.ErrClosed):
		return &driverError{pubsub.ErrClosed, err}
	case errors.Is(err, redisconn.ErrUnavailable):
		return &driverError{pubsub.ErrUnavailable, err}
	}
	return err
}

// errDemoted is a server that is not a primary any more.
var errDemoted = errors.New("the server is no primary any more")
