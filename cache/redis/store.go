package redis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/redisconn"
)

// Store is a cache.Store in Redis. It is a ManyStore, Expirer, Counter, Swapper
// and Lister too.
//
// Errors read "redis: what, address, remedy". One that wraps cache.ErrDegraded
// says that the server is away, or does not do now what it was asked for
// (loading, read only, out of memory, login refused). One that wraps the error
// of the call's context says only that the caller did not wait.
//
// Store is safe for concurrent use.
type Store struct {
	link   *redisconn.Link
	prefix string // of all keys; a Cluster has no databases
	spread bool   // keys live on different servers
}

var (
	_ cache.Store     = (*Store)(nil)
	_ cache.ManyStore = (*Store)(nil)
	_ cache.Expirer   = (*Store)(nil)
	_ cache.Counter   = (*Store)(nil)
	_ cache.Swapper   = (*Store)(nil)
	_ cache.Lister    = (*Store)(nil)
)

// New returns a store that connects in the background, whether the server is
// there or not; errors are those of cfg. Ping tells whether it is there. ctx
// bounds nothing but this call; its values reach the logger.
func New(ctx context.Context, cfg Config) (*Store, error) {
	target, err := redisconn.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("redis: Config.URL: %w", err)
	}
	link, err := redisconn.Open(ctx, target, cfg.policy(), cfg.Logger)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return &Store{link: link, prefix: target.KeyPrefix(), spread: target.Kind() == redisconn.Cluster}, nil
}

// Ping asks the server whether it is there, and connects first if need be. It
// ends with ctx, or when one attempt to connect has failed. The error names the
// address and what to do.
func (s *Store) Ping(ctx context.Context) error { return failure(s.link.Ping(ctx)) }

// Addr is where the server is, for people; without user and password.
func (s *Store) Addr() string { return s.link.Target().Addr() }

// Close implements cache.Store. Commands on their way are answered or fail.
func (s *Store) Close() error { return s.link.Close() }

// Get implements cache.Store.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	key = s.prefix + key
	err = s.link.Read(ctx, "get", func(ctx context.Context, c rueidis.Client) error {
		message, err := c.Do(ctx, c.B().Get().Key(key).Build()).ToMessage()
		value, err = bytesOf(message, err)
		return err
	})
	if err != nil {
		return nil, false, failure(err)
	}
	return value, value != nil, nil
}

// Set implements cache.Store.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (stored bool, err error) {
	err = s.link.Write(ctx, "set", func(ctx context.Context, c rueidis.Client) error {
		err := c.Do(ctx, s.set(c, key, value, ttl, when)).Error()
		stored = err == nil
		if rueidis.IsRedisNil(err) { // the condition did not hold
			return nil
		}
		return err
	})
	return stored, failure(err)
}

// set builds a SET. The value is not copied: it belongs to the store.
func (s *Store) set(c rueidis.Client, key string, value []byte, ttl time.Duration, when cache.When) rueidis.Completed {
	cmd := c.B().Arbitrary("SET").Keys(s.prefix + key).Args(rueidis.BinaryString(value))
	if ttl != cache.Forever {
		cmd = cmd.Args("PX", milliseconds(ttl))
	}
	switch when {
	case cache.IfAbsent:
		cmd = cmd.Args("NX")
	case cache.IfPresent:
		cmd = cmd.Args("XX")
	}
	return cmd.Build()
}

// unlinkKeys is how many keys one UNLINK removes. Each takes some microseconds,
// in which the server does nothing else.
const unlinkKeys = 1000

// Delete implements cache.Store. The values are freed in the background of the
// server.
func (s *Store) Delete(ctx context.Context, keys ...string) (removed int, err error) {
	if len(keys) == 0 {
		return 0, failure(s.link.Err())
	}
	err = s.link.Write(ctx, "unlink", func(ctx context.Context, c rueidis.Client) error {
		for _, result := range c.DoMulti(ctx, s.unlinks(c, keys)...) {
			n, err := result.ToInt64()
			if err != nil {
				return err
			}
			removed += int(n)
		}
		return nil
	})
	return removed, failure(err)
}

// unlinks builds the commands that remove keys: few, or one a key where a
// command may not name keys of different servers.
func (s *Store) unlinks(c rueidis.Client, keys []string) []rueidis.Completed {
	size := unlinkKeys
	if s.spread {
		size = 1
	}
	var commands []rueidis.Completed
	for chunk := range slices.Chunk(s.prefixed(keys), size) {
		commands = append(commands, c.B().Unlink().Key(chunk...).Build())
	}
	return commands
}

// prefixed returns the keys as Redis has them.
func (s *Store) prefixed(keys []string) []string {
	if s.prefix == "" {
		return keys
	}
	own := make([]string, len(keys))
	for i, key := range keys {
		own[i] = s.prefix + key
	}
	return own
}

// bytesOf returns the bytes of a string answer, nil for the nil answer.
func bytesOf(message rueidis.RedisMessage, err error) ([]byte, error) {
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value, err := message.AsBytes()
	if err == nil && value == nil {
		value = []byte{} // an empty value is not a miss
	}
	return value, err
}
