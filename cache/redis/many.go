package redis

import (
	"context"
	"slices"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/cache"
)

// pipelineSize is how many keys at most are read, written or removed in one round
// trip, and pipelineBytes how much is written: each round trip has the socket
// timeout for itself, and others wait behind it.
const (
	pipelineSize  = 1000
	pipelineBytes = 1 << 20
)

// GetMany implements cache.ManyStore: one MGET, on a Cluster one a slot, all in
// one round trip to each server, for each thousand keys.
func (s *Store) GetMany(ctx context.Context, keys []string) (values [][]byte, err error) {
	if len(keys) == 0 {
		return [][]byte{}, s.nothing(ctx)
	}
	values = make([][]byte, 0, len(keys))
	for chunk := range slices.Chunk(keys, pipelineSize) {
		part, err := s.mget(ctx, s.prefixed(chunk))
		if err != nil {
			return nil, err
		}
		values = append(values, part...)
	}
	return values, nil
}

func (s *Store) mget(ctx context.Context, keys []string) ([][]byte, error) {
	values := make([][]byte, len(keys))
	err := s.read(ctx, "mget", func(ctx context.Context, c rueidis.Client) error {
		if s.spread {
			return mgetSpread(ctx, c, keys, values)
		}
		messages, err := c.Do(ctx, c.B().Mget().Key(keys...).Build()).ToArray()
		for i := range messages {
			if values[i], err = bytesOf(messages[i], messages[i].Error()); err != nil {
				return err
			}
		}
		return err
	})
	return values, err
}

// mgetSpread is for keys of different slots, which one command must not name:
// rueidis panics if it does.
func mgetSpread(ctx context.Context, c rueidis.Client, keys []string, values [][]byte) error {
	messages, err := rueidis.MGet(c, ctx, keys)
	if err != nil {
		return err
	}
	for i, key := range keys {
		message := messages[key]
		if values[i], err = bytesOf(message, message.Error()); err != nil {
			return err
		}
	}
	return nil
}

// SetMany implements cache.ManyStore: one pipeline to each server for each
// thousand items or MiB. If no item at all could be kept, it returns the reason
// as an error.
func (s *Store) SetMany(ctx context.Context, items []cache.Item) (failed []string, err error) {
	if len(items) == 0 {
		return nil, s.nothing(ctx)
	}
	var last error
	for rest := items; len(rest) > 0; {
		n := fitting(rest)
		notKept, reason, err := s.setAll(ctx, rest[:n])
		if err != nil {
			return nil, err
		}
		if reason != nil {
			failed, last = append(failed, notKept...), reason
		}
		rest = rest[n:]
	}
	if len(failed) == len(items) {
		return nil, last
	}
	return failed, nil
}

// fitting returns how many of the items go into one pipeline: at least one.
func fitting(items []cache.Item) int {
	bytes := 0
	for i, item := range items {
		if bytes += len(item.Value); i == pipelineSize || i > 0 && bytes > pipelineBytes {
			return i
		}
	}
	return len(items)
}

// setAll sends one pipeline. reason is why the last of the failed keys failed.
func (s *Store) setAll(ctx context.Context, items []cache.Item) (failed []string, reason, err error) {
	err = s.write(ctx, "set many", func(ctx context.Context, c rueidis.Client) error {
		commands := make([]rueidis.Completed, len(items))
		for i, item := range items {
			commands[i] = s.set(c, item.Key, item.Value, item.TTL, cache.Always)
		}
		failed, reason = nil, nil
		for i, result := range c.DoMulti(ctx, commands...) {
			if err := result.NonRedisError(); err != nil {
				return err
			}
			if err := result.Error(); err != nil {
				failed, reason = append(failed, items[i].Key), err
			}
		}
		return nil
	})
	if reason != nil {
		reason = s.failure("set many", reason)
	}
	return failed, reason, err
}
