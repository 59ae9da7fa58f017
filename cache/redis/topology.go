package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/redis/rueidis"
)

// primaries returns what the nodes of a Cluster say of themselves: the address of
// each primary, with the ranges of slots that it keeps. The first node that
// answers is believed.
func (s *Store) primaries(ctx context.Context) (ranges map[string]string, err error) {
	var addrs []string
	err = s.read(ctx, "nodes", func(_ context.Context, c rueidis.Client) error {
		addrs = addrs[:0]
		for addr := range c.Nodes() {
			addrs = append(addrs, addr)
		}
		return nil
	})
	if err == nil && len(addrs) == 0 {
		err = s.failure("cluster slots", errMoved)
	}
	for _, addr := range addrs {
		err = s.read(ctx, "cluster slots", func(ctx context.Context, c rueidis.Client) (err error) {
			node, ok := c.Nodes()[addr]
			if !ok {
				return errMoved
			}
			ranges, err = slotRanges(node.Do(ctx, node.B().ClusterSlots().Build()), addr)
			return err
		})
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return ranges, err
}

// errSlots is an answer to CLUSTER SLOTS that is none.
var errSlots = errors.New("the answer to CLUSTER SLOTS is malformed")

// slotRanges reads the answer to CLUSTER SLOTS of the node at addr: of each range
// the first slot, the last, the primary and its replicas. A node that does not
// know its own host name leaves it empty.
func slotRanges(result rueidis.RedisResult, addr string) (map[string]string, error) {
	answer, err := result.ToArray()
	if err != nil {
		return nil, err
	}
	self, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ranges := make(map[string]string)
	for _, message := range answer {
		fields, err := message.ToArray()
		if err != nil || len(fields) < 3 {
			return nil, errSlots
		}
		first, firstErr := fields[0].AsInt64()
		last, lastErr := fields[1].AsInt64()
		primary, primaryErr := fields[2].ToArray()
		if errors.Join(firstErr, lastErr, primaryErr) != nil || len(primary) < 2 {
			return nil, errSlots
		}
		host, _ := primary[0].ToString() // nil where it is not known
		port, err := primary[1].AsInt64()
		if err != nil {
			return nil, errSlots
		}
		if host == "" {
			host = self
		}
		at := net.JoinHostPort(host, strconv.FormatInt(port, 10))
		ranges[at] += fmt.Sprintf("%d-%d ", first, last)
	}
	return ranges, nil
}
