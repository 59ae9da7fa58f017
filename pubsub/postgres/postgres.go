// Package postgres hands messages from process to process through Postgres, by
// NOTIFY and LISTEN, for sites without Redis.
//
//	driver, err := postgres.New(ctx, postgres.Config{URL: "postgres://quotes:secret@127.0.0.1/quotes"})
//	bus, err := pubsub.New(pubsub.Config{Driver: driver, Prefix: "motivational_app"})
//
// A notification holds 7999 bytes, and so does a message, less one; one that is
// not UTF-8 without NULs is sent in base64, and may have 5998 bytes. What is longer
// is a *pubsub.TooLargeError: keep it in a table, and publish its id. Notifications
// reach the connections to the same database only, and none through a pooler that
// shares connections among transactions: the URL has to lead to Postgres itself.
package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/internal/sqlconn"
	"github.com/echoic-go/echoic/pubsub"
)

// Config says where Postgres is. Only URL is required.
type Config struct {
	// URL is postgres://user:password@host:port/database. The password is shown
	// nowhere.
	URL string
	// MaxConns bounds the connections that publish; one more listens. 1 to 100.
	// Defaults to 2.
	MaxConns int
}

const (
	defaultMaxConns = 2
	// maxNotification is what Postgres takes: less than 8000 bytes.
	maxNotification = 7999
	// plain and encoded begin a notification.
	plain, encoded = "t", "b"
)

// Driver is a pubsub.Driver. It is safe for concurrent use.
type Driver struct{ pool *pgxpool.Pool }

var _ pubsub.Driver = (*Driver)(nil)

// New returns a driver. It connects when it is used. ctx bounds nothing but this
// call.
func New(ctx context.Context, cfg Config) (*Driver, error) {
	target, err := sqlconn.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("pubsub/postgres: Config.URL: %w", err)
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = defaultMaxConns
	}
	if cfg.MaxConns < 1 || cfg.MaxConns > 100 {
		return nil, fmt.Errorf("pubsub/postgres: Config.MaxConns is %d: use 1 to 100", cfg.MaxConns)
	}
	pool, err := sqlconn.OpenPostgres(ctx, target, sqlconn.PoolConfig{MaxConns: cfg.MaxConns, Lazy: true})
	if err != nil {
		return nil, fmt.Errorf("pubsub/postgres: %w", err)
	}
	return &Driver{pool: pool}, nil
}

// Close implements pubsub.Driver.
func (d *Driver) Close() error {
	d.pool.Close()
	return nil
}

// Publish implements pubsub.Driver.
func (d *Driver) Publish(ctx context.Context, channel string, payload []byte) error {
	text := encode(payload)
	if len(text) > maxNotification {
		return &pubsub.TooLargeError{Size: len(text), Most: maxNotification}
	}
	var err error
	for range int(d.pool.Config().MaxConns) + 1 { // each connection may be of before a restart
		_, err = d.pool.Exec(ctx, "SELECT pg_notify($1, $2)", identifier(channel), text)
		if err == nil || ctx.Err() != nil || !pgconn.SafeToRetry(err) && !ended(err) {
			break
		}
	}
	return failure(ctx, err)
}

// ended reports that the server has ended the connection: nothing was published.
func ended(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "57P01" || pg.Code == "57P02")
}

// identifier is a name as Postgres can have it: of at most 63 bytes, whatever is in
// the channel's.
func identifier(channel string) string {
	sum := sha256.Sum256([]byte(channel))
	return "echoic_" + hex.EncodeToString(sum[:16])
}

func encode(payload []byte) string {
	text := string(payload)
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return plain + text
	}
	return encoded + base64.RawStdEncoding.EncodeToString(payload)
}

// decode is false for what somebody else has sent.
func decode(text string) ([]byte, bool) {
	if rest, ok := strings.CutPrefix(text, plain); ok {
		return []byte(rest), true
	}
	rest, ok := strings.CutPrefix(text, encoded)
	payload, err := base64.RawStdEncoding.DecodeString(rest)
	return payload, ok && err == nil
}

// driverError says that the server is away.
type driverError struct{ cause error }

func (e *driverError) Error() string   { return "pubsub/postgres: " + e.cause.Error() }
func (e *driverError) Unwrap() []error { return []error{pubsub.ErrUnavailable, e.cause} }

func failure(ctx context.Context, err error) error {
	if err == nil || errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && !strings.HasPrefix(pg.Code, "57") && !strings.HasPrefix(pg.Code, "53") && !strings.HasPrefix(pg.Code, "08") {
		return fmt.Errorf("pubsub/postgres: %w", err)
	}
	return &driverError{err}
}
