package redis

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/cache"
)

// GetMany implements cache.ManyStore: one MGET, on a Cluster one a slot, all in
// one round trip to each server.
func (s *Store) GetMany(ctx context.Context, keys []string) (values [][]byte, err error) {
	if len(keys) == 0 {
		return [][]byte{}, failure(s.link.Err())
	}
	own := s.prefixed(keys)
	values = make([][]byte, len(keys))
	err = s.link.Read(ctx, "mget", func(ctx context.Context, c rueidis.Client) error {
		if s.spread {
			return mgetSpread(ctx, c, own, values)
		}
		messages, err := c.Do(ctx, c.B().Mget().Key(own...).Build()).ToArray()
		for i := range messages {
			if values[i], err = bytesOf(messages[i], messages[i].Error()); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		return nil, failure(err)
	}
	return values, nil
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

// SetMany implements cache.ManyStore: one pipeline to each server. If no item at
// all could be kept, it returns the reason as an error.
func (s *Store) SetMany(ctx context.Context, items []cache.Item) (failed []string, err error) {
	if len(items) == 0 {
		return nil, failure(s.link.Err())
	}
	err = s.link.Write(ctx, "set many", func(ctx context.Context, c rueidis.Client) error {
		commands := make([]rueidis.Completed, len(items))
		for i, item := range items {
			commands[i] = s.set(c, item.Key, item.Value, item.TTL, cache.Always)
		}
		failed = nil
		var last error
		for i, result := range c.DoMulti(ctx, commands...) {
			if err := result.NonRedisError(); err != nil {
				return err
			}
			if err := result.Error(); err != nil {
				failed, last = append(failed, items[i].Key), err
			}
		}
		if len(failed) == len(items) {
			return last
		}
		return nil
	})
	if err != nil {
		return nil, failure(err)
	}
	return failed, nil
}
