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

// Store is a cache.Store in Redis. It is a ManyStore, Expirer, Counter, Swapper,
// Lister and Renewer too.
//
// Errors read "redis: what, address, remedy". One that wraps cache.ErrDegraded
// says that the server is away, or does not do now what it was asked for
// (loading, read only, out of memory, login refused). One that wraps the error
// of the call's context says only that the caller did not wait.
//
// Store is safe for concurrent use.
type Store struct {
	link   *redisconn.Link // nil in the view of a Verifier
	direct direct          // instead of it
	target redisconn.Target
	prefix string   // of all keys; a Cluster has no databases
	spread bool     // keys live on different servers
	probes []string // the keys of Health
	calls  calls    // nothing is noted in the view of a Verifier
}

var (
	_ cache.Store     = (*Store)(nil)
	_ cache.ManyStore = (*Store)(nil)
	_ cache.Expirer   = (*Store)(nil)
	_ cache.Counter   = (*Store)(nil)
	_ cache.Swapper   = (*Store)(nil)
	_ cache.Lister    = (*Store)(nil)
	_ cache.Renewer   = (*Store)(nil)
)

// New returns a store that connects in the background, whether the server is
// there or not; errors are those of cfg. Ping tells whether it is there. ctx
// bounds nothing but this call; its values reach the logger.
func New(ctx context.Context, cfg Config) (*Store, error) {
	target, err := redisconn.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("redis: Config.URL: %w", err)
	}
	s := &Store{target: target, prefix: target.KeyPrefix(), spread: target.Kind() == redisconn.Cluster}
	s.probes = probeKeys(s.prefix+cfg.healthKey(), s.spread)
	policy := cfg.policy()
	s.link, err = redisconn.OpenVerified(ctx, target, policy, cfg.Logger, s.verifier(cfg.Verify, policy.SocketTimeout))
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return s, nil
}

// Addr is where the server is, for people; without user and password.
func (s *Store) Addr() string { return s.target.Addr() }

// Close implements cache.Store. Commands on their way are answered or fail.
func (s *Store) Close() error {
	if s.link == nil {
		return nil // whoever verifies only looks on
	}
	return s.link.Close()
}

// Get implements cache.Store.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	key = s.prefix + key
	err = s.read(ctx, "get", func(ctx context.Context, c rueidis.Client) error {
		message, err := c.Do(ctx, c.B().Get().Key(key).Build()).ToMessage()
		value, err = bytesOf(message, err)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return value, value != nil, nil
}

// Set implements cache.Store.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (stored bool, err error) {
	err = s.write(ctx, "set", func(ctx context.Context, c rueidis.Client) error {
		err := c.Do(ctx, s.set(c, key, value, ttl, when)).Error()
		stored = err == nil
		if rueidis.IsRedisNil(err) { // the condition did not hold
			return nil
		}
		return err
	})
	return stored, err
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

// Delete implements cache.Store: one UNLINK, on a Cluster one a key in one
// pipeline to each server, for each thousand keys. The values are freed in the
// background of the server.
func (s *Store) Delete(ctx context.Context, keys ...string) (removed int, err error) {
	if len(keys) == 0 {
		return 0, s.nothing(ctx)
	}
	for chunk := range slices.Chunk(keys, pipelineSize) {
		n, err := s.unlink(ctx, s.prefixed(chunk))
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func (s *Store) unlink(ctx context.Context, keys []string) (removed int, err error) {
	size := len(keys)
	if s.spread {
		size = 1 // a command must not name keys of different slots
	}
	err = s.write(ctx, "unlink", func(ctx context.Context, c rueidis.Client) error {
		var commands []rueidis.Completed
		for chunk := range slices.Chunk(keys, size) {
			commands = append(commands, c.B().Unlink().Key(chunk...).Build())
		}
		removed = 0
		var last error
		for _, result := range c.DoMulti(ctx, commands...) {
			n, err := result.ToInt64()
			if err != nil {
				last = err
			}
			removed += int(n)
		}
		return last
	})
	return removed, err
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
