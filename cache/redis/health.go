package redis

import (
	"context"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// Ping asks the server whether it is there, and connects first if need be. It
// ends with ctx, or when one attempt to connect has failed. The error names the
// address and what to do.
func (s *Store) Ping(ctx context.Context) error {
	if s.link != nil {
		return failure(s.link.Ping(ctx))
	}
	return s.write(ctx, "ping", func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Ping().Build()).Error()
	})
}

// Health is Ping, and then asks whether the server does its work: nil means that
// it has its data, is the primary and takes writes, and on a Cluster that all
// primaries do. A server that is loading, read only, out of memory, without its
// primary or its replicas, or cannot save is an error that wraps
// cache.ErrDegraded. It changes nothing.
//
// It asks by SET with XX, which a server refuses for all these reasons before it
// looks whether the key is there. Where an ACL refuses the key (see
// Config.HealthKey), only the rest is known, and that counts as health.
//
// A primary of a Cluster that has fewer than 512 slots may be overlooked.
func (s *Store) Health(ctx context.Context) error {
	if err := s.Ping(ctx); err != nil {
		return err
	}
	return s.write(ctx, "health", func(ctx context.Context, c rueidis.Client) error {
		commands := make([]rueidis.Completed, len(s.probes))
		for i, key := range s.probes {
			commands[i] = c.B().Set().Key(key).Value("").Xx().Build()
		}
		for _, result := range c.DoMulti(ctx, commands...) {
			if err := result.Error(); err != nil && !rueidis.IsRedisNil(err) && !forbidden(err) {
				return err
			}
		}
		return nil
	})
}

// forbidden reports whether an ACL has refused a command or a key.
func forbidden(err error) bool {
	answer, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(answer.Error(), "NOPERM")
}

const (
	slots      = 16384
	probeCount = 64
)

// probeKeys are the keys that Health asks for: one, or on a Cluster one in each
// 256 slots.
func probeKeys(key string, spread bool) []string {
	if !spread {
		return []string{key}
	}
	keys := make([]string, probeCount)
	for n, left := 0, probeCount; left > 0; n++ {
		tag := strconv.Itoa(n)
		if at := slot(tag) / (slots / probeCount); keys[at] == "" {
			keys[at] = key + "{" + tag + "}"
			left--
		}
	}
	return keys
}

// slot is that of the keys with a hash tag: its CRC16 (XMODEM).
func slot(tag string) int {
	var crc uint16
	for i := range len(tag) {
		crc ^= uint16(tag[i]) << 8
		for range 8 {
			if high := crc & 0x8000; high != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % slots
}
