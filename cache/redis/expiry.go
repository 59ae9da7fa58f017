package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/cache"
)

// milliseconds is ttl for PX: rounded up, so that nothing is gone early, and one
// at least. The longest lifetime that is not Forever is far from what PX takes.
func milliseconds(ttl time.Duration) string {
	return strconv.FormatInt(inMilliseconds(ttl), 10)
}

func inMilliseconds(ttl time.Duration) int64 {
	n := int64(ttl / time.Millisecond)
	if ttl%time.Millisecond > 0 {
		n++
	}
	return max(n, 1)
}

// Touch implements cache.Expirer.
func (s *Store) Touch(ctx context.Context, key string, ttl time.Duration) (found bool, err error) {
	key = s.prefix + key
	err = s.write(ctx, "touch", func(ctx context.Context, c rueidis.Client) (err error) {
		if ttl != cache.Forever {
			found, err = c.Do(ctx, c.B().Pexpire().Key(key).Milliseconds(inMilliseconds(ttl)).Build()).AsBool()
			return err
		}
		// PERSIST answers 0 also for a key that had no expiry.
		results := c.DoMulti(ctx, c.B().Persist().Key(key).Build(), c.B().Exists().Key(key).Build())
		if err := results[0].Error(); err != nil {
			return err
		}
		found, err = results[1].AsBool()
		return err
	})
	return found && err == nil, err
}

// What PTTL answers where there is no remaining lifetime.
const (
	noKey    = -2
	noExpiry = -1
)

// TTL implements cache.Expirer.
func (s *Store) TTL(ctx context.Context, key string) (ttl time.Duration, found bool, err error) {
	var left int64
	key = s.prefix + key
	err = s.read(ctx, "pttl", func(ctx context.Context, c rueidis.Client) (err error) {
		left, err = c.Do(ctx, c.B().Pttl().Key(key).Build()).ToInt64()
		return err
	})
	switch {
	case err != nil || left == noKey:
		return 0, false, err
	case left == noExpiry:
		return cache.Forever, true, nil
	}
	return time.Duration(max(left, 1)) * time.Millisecond, true, nil
}
