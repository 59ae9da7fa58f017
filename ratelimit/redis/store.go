package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/ratelimit"
)

// Store is a ratelimit.Store in Redis. Errors that wrap ratelimit.ErrUnavailable
// say that the server is away. It is safe for concurrent use.
type Store struct {
	link     *redisconn.Link
	prefix   string // of all keys
	single   bool
	verified atomic.Pointer[[]redisconn.Server]
	losses   atomic.Uint64
}

var (
	_ ratelimit.Store     = (*Store)(nil)
	_ ratelimit.Registry  = (*Store)(nil)
	_ ratelimit.Forgetful = (*Store)(nil)
)

// New returns a store that connects in the background, whether the server is
// there or not; errors are those of cfg. ctx bounds nothing but this call. Users
// of Redis 6 ACLs need the commands evalsha, eval, time, get, set, zadd,
// zremrangebyscore, zrange, pexpire and info, and on a Cluster cluster|slots.
func New(ctx context.Context, cfg Config) (*Store, error) {
	target, err := redisconn.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("ratelimit/redis: Config.URL: %w", err)
	}
	if cfg.Prefix == "" || strings.ContainsAny(cfg.Prefix, "{}") {
		return nil, fmt.Errorf("ratelimit/redis: Config.Prefix is %q: give the first part of the keys, without braces", cfg.Prefix)
	}
	s := &Store{prefix: target.KeyPrefix() + cfg.Prefix + ":r:", single: target.Kind() == redisconn.Standalone}
	s.link, err = redisconn.OpenVerified(ctx, target, cfg.policy(), cfg.Logger, s.meet)
	if err != nil {
		return nil, fmt.Errorf("ratelimit/redis: %w", err)
	}
	return s, nil
}

// Close implements ratelimit.Store.
func (s *Store) Close() error { return s.link.Close() }

// Ping asks the server whether it is there, and connects first if need be.
func (s *Store) Ping(ctx context.Context) error { return failure(s.link.Ping(ctx)) }

// meet notices servers that are not those of before: they may have lost buckets.
// One that was demoted and promoted again is the same process, so behind Sentinel
// and on a Cluster every change counts.
func (s *Store) meet(_ context.Context, _ rueidis.Client, servers []redisconn.Server) error {
	before := s.verified.Swap(&servers)
	if before != nil && (!s.single || len(*before) != 1 || (*before)[0].RunID != servers[0].RunID) {
		s.losses.Add(1)
	}
	return nil
}

// Losses implements ratelimit.Forgetful: another process than before is the
// server, or another server the primary.
func (s *Store) Losses() uint64 { return s.losses.Load() }

// Take implements ratelimit.Store.
func (s *Store) Take(ctx context.Context, tag string, charges []ratelimit.Charge) (allowed bool, err error) {
	keys, args := make([]string, len(charges)), make([]string, 0, 3*len(charges))
	for i := range charges {
		c := &charges[i]
		keys[i] = s.prefix + "{" + tag + "}:" + c.Key
		args = append(args, microseconds(c.Room), microseconds(c.Cost), microseconds(c.Floor))
	}
	var answer []int64
	err = s.link.Write(ctx, "limit", func(ctx context.Context, c rueidis.Client) (err error) {
		answer, err = takeScript.Exec(ctx, c, keys, args).AsIntSlice()
		return err
	})
	if err != nil {
		return false, failure(err)
	}
	if len(answer) != 1+len(charges) {
		return false, fmt.Errorf("ratelimit/redis: %w: the script has answered %d numbers", ratelimit.ErrUnavailable, len(answer))
	}
	for i := range charges {
		charges[i].Ahead = time.Duration(answer[1+i]) * time.Microsecond
	}
	return answer[0] == 1, nil
}

func microseconds(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

// Beat implements ratelimit.Registry.
func (s *Store) Beat(ctx context.Context, id string, ttl time.Duration) (ids []string, err error) {
	err = s.link.Write(ctx, "beat", func(ctx context.Context, c rueidis.Client) (err error) {
		ids, err = beatScript.Exec(ctx, c, []string{s.prefix + "servers"}, []string{id, strconv.FormatInt(ttl.Milliseconds(), 10)}).AsStrSlice()
		return err
	})
	return ids, failure(err)
}

// storeError gives an error of the link the meaning that it has for a limiter.
type storeError struct{ cause error }

func (e *storeError) Error() string   { return e.cause.Error() }
func (e *storeError) Unwrap() []error { return []error{ratelimit.ErrUnavailable, e.cause} }

func failure(err error) error {
	if errors.Is(err, redisconn.ErrUnavailable) || errors.Is(err, redisconn.ErrClosed) {
		return &storeError{err}
	}
	return err
}
