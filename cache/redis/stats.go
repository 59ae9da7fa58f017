package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/metrics"
)

// Stats are numbers since the store was made.
type Stats struct {
	// Calls is the time that calls took, those that failed included. What is
	// sent in one pipeline is one call.
	Calls metrics.Latency
	// Errors counts the calls that failed, by whosever fault.
	Errors uint64
}

// Stats returns the numbers.
func (s *Store) Stats() Stats {
	return Stats{Calls: s.calls.took.Snapshot(), Errors: s.calls.errors.Load()}
}

type calls struct {
	took   metrics.Histogram
	errors atomic.Uint64
}

func (c *calls) note(began time.Time, err error) {
	c.took.Observe(time.Since(began))
	if err != nil && !rueidis.IsRedisNil(err) {
		c.errors.Add(1)
	}
}

// ServerInfo is what one server says of itself.
type ServerInfo struct {
	// Addr is host:port; empty where there is only one server.
	Addr    string
	Version string
	// Keys are those of all databases, ours or not.
	Keys int64
	// UsedBytes and MaxBytes are its memory; MaxBytes is 0 without a limit.
	UsedBytes, MaxBytes int64
	// Policy is maxmemory-policy.
	Policy string
	// Evicted counts the keys that had to go for want of memory, since the
	// server was started Uptime ago.
	Evicted uint64
	Uptime  time.Duration
	Clients int
}

// Info asks the servers what they say of themselves (INFO): one, or each primary
// of a Cluster. It takes a server some microseconds, however many keys it has.
func (s *Store) Info(ctx context.Context) ([]ServerInfo, error) {
	addrs := []string{anyNode}
	if s.spread {
		primaries, err := s.primaries(ctx)
		if err != nil {
			return nil, err
		}
		addrs = addrs[:0]
		for addr := range primaries {
			addrs = append(addrs, addr)
		}
	}
	var list []ServerInfo
	for _, addr := range addrs {
		err := s.read(ctx, "info", func(ctx context.Context, c rueidis.Client) error {
			if addr != anyNode {
				node, ok := c.Nodes()[addr]
				if !ok {
					return errMoved
				}
				c = node
			}
			text, err := c.Do(ctx, c.B().Info().Build()).ToString()
			if err == nil {
				list = append(list, parseInfo(addr, text))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// parseInfo reads what INFO answers. What is missing stays zero.
func parseInfo(addr, text string) ServerInfo {
	info := ServerInfo{Addr: addr}
	number := func(value string) int64 {
		n, _ := strconv.ParseInt(value, 10, 64) // zero for what is none
		return n
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "redis_version":
			info.Version = value
		case "valkey_version":
			info.Version = "Valkey " + value
		case "used_memory":
			info.UsedBytes = number(value)
		case "maxmemory":
			info.MaxBytes = number(value)
		case "maxmemory_policy":
			info.Policy = value
		case "evicted_keys":
			info.Evicted = uint64(max(number(value), 0))
		case "uptime_in_seconds":
			info.Uptime = time.Duration(number(value)) * time.Second
		case "connected_clients":
			info.Clients = int(number(value))
		default:
			if strings.HasPrefix(name, "db") && strings.HasPrefix(value, "keys=") {
				keys, _, _ := strings.Cut(strings.TrimPrefix(value, "keys="), ",")
				info.Keys += number(keys)
			}
		}
	}
	return info
}

// errPatience ends a Browse that has taken long enough.
var errPatience = errors.New("redis: the time to look is over")

// Browse is Keys that gives up in good order: it gives keys that start with the
// literal prefix to use until that returns false, all have been seen, or patience
// is over, and reports whether all have been seen. Of a server with a million keys
// it sees some thousand in a few milliseconds, in no particular order: enough for
// a person who looks around, and no basis for a decision. It never blocks the
// server (SCAN with COUNT 1000).
func (s *Store) Browse(ctx context.Context, prefix string, patience time.Duration, use func(key string) bool) (all bool, err error) {
	end := time.Now().Add(patience)
	looked := context.WithValue(ctx, browseKey{}, end)
	own := func(key string) bool { return use(strings.TrimPrefix(key, s.prefix)) }
	if s.spread {
		err = s.scanAll(looked, s.prefix+prefix, own)
	} else {
		err = s.scan(looked, anyNode, s.prefix+prefix, own)
	}
	if errors.Is(err, errPatience) || errors.Is(err, errLeft) {
		return false, nil
	}
	return err == nil, err
}

type browseKey struct{}

// impatient reports whether the time of a Browse is over.
func impatient(ctx context.Context) bool {
	end, ok := ctx.Value(browseKey{}).(time.Time)
	return ok && time.Now().After(end)
}
