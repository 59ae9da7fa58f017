package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/echoic-go/echoic/pubsub"
)

const (
	// askEvery is how often the server is asked whether it is there, and silence
	// how long it may take: a host that is gone sends nothing, not even an end.
	askEvery = time.Second
	silence  = 2 * time.Second
)

// conn listens. One goroutine uses the connection; requests interrupt its waiting.
type conn struct {
	pg       *pgx.Conn
	deliver  func(string, []byte)
	channels map[string]string // by identifier; of the goroutine

	mu        sync.Mutex
	requests  []request
	interrupt context.CancelFunc // of the waiting, nil while nobody waits

	life context.Context
	stop context.CancelFunc
	lost chan struct{} // closed when the goroutine has gone
}

type request struct {
	sql      string
	channels []string
	add      bool
	done     chan error // buffered by one
}

// Listen implements pubsub.Driver.
func (d *Driver) Listen(ctx context.Context, deliver func(string, []byte)) (pubsub.Conn, error) {
	pool := d.pool.Config() // a copy
	config := pool.ConnConfig
	if pool.BeforeConnect != nil {
		if err := pool.BeforeConnect(ctx, config); err != nil {
			return nil, failure(ctx, err)
		}
	}
	c := &conn{deliver: deliver, channels: make(map[string]string), lost: make(chan struct{})}
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { c.notified(n) }
	pg, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, failure(ctx, err)
	}
	c.pg = pg
	c.life, c.stop = context.WithCancel(context.Background())
	go c.run()
	return c, nil
}

// notified is called by the connection, in the goroutine that uses it.
func (c *conn) notified(n *pgconn.Notification) {
	channel, wanted := c.channels[n.Channel]
	if payload, ok := decode(n.Payload); ok && wanted {
		c.deliver(channel, payload)
	}
}

func (c *conn) run() {
	defer close(c.lost)
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = c.pg.Close(ctx) // a server that does not answer is not waited for
	}()
	for c.life.Err() == nil {
		requests, err := c.wait()
		for _, r := range requests {
			if err == nil {
				err = c.serve(r)
			}
			r.done <- err
		}
		if err == nil && len(requests) == 0 {
			err = c.exec("SELECT 1")
		}
		if err != nil {
			return
		}
	}
}

// wait delivers until there are requests, or for as long as askEvery.
func (c *conn) wait() ([]request, error) {
	ctx, cancel := context.WithTimeout(c.life, askEvery)
	defer cancel()
	c.mu.Lock()
	if len(c.requests) == 0 {
		c.interrupt = cancel
		c.mu.Unlock()
		for {
			if err := c.pg.PgConn().WaitForNotification(ctx); err != nil {
				if ctx.Err() == nil || c.pg.IsClosed() {
					return nil, err
				}
				break
			}
		}
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	requests := c.requests
	c.requests, c.interrupt = nil, nil
	return requests, nil
}

func (c *conn) serve(r request) error {
	for _, channel := range r.channels {
		if r.add { // before: messages may come with the answer
			c.channels[identifier(channel)] = channel
		} else {
			delete(c.channels, identifier(channel))
		}
	}
	return c.exec(r.sql)
}

func (c *conn) exec(sql string) error {
	ctx, cancel := context.WithTimeout(c.life, silence)
	defer cancel()
	// Not prepared: each is different.
	_, err := c.pg.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// request has the goroutine execute a statement for each channel.
func (c *conn) request(ctx context.Context, verb string, add bool, channels []string) error {
	var sql strings.Builder
	for _, channel := range channels {
		sql.WriteString(verb + " " + identifier(channel) + ";")
	}
	r := request{sql: sql.String(), channels: channels, add: add, done: make(chan error, 1)}
	c.mu.Lock()
	c.requests = append(c.requests, r)
	if c.interrupt != nil {
		c.interrupt()
	}
	c.mu.Unlock()
	select {
	case err := <-r.done:
		return failure(ctx, err)
	case <-c.lost:
		return failure(ctx, errLost)
	case <-ctx.Done():
		return failure(ctx, ctx.Err())
	}
}

var errLost = errors.New("the connection was lost")

// Subscribe implements pubsub.Conn.
func (c *conn) Subscribe(ctx context.Context, channels ...string) error {
	return c.request(ctx, "LISTEN", true, channels)
}

// Unsubscribe implements pubsub.Conn.
func (c *conn) Unsubscribe(ctx context.Context, channels ...string) error {
	return c.request(ctx, "UNLISTEN", false, channels)
}

// Lost implements pubsub.Conn.
func (c *conn) Lost() <-chan struct{} { return c.lost }

// Close implements pubsub.Conn.
func (c *conn) Close() error {
	c.stop()
	<-c.lost
	return nil
}
