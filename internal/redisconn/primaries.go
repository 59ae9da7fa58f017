package redisconn

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"
)

// errNoNode is a node that has left.
var errNoNode = errors.New("the node has left")

// Primaries returns the addresses of the servers that have the data, and for each
// an opaque text that changes when it gets or loses slots of a Cluster. Of a
// single server and of Sentinel there is one.
func (l *Link) Primaries(ctx context.Context) (map[string]string, error) {
	const what = "cluster slots"
	var addrs []string
	err := l.Read(ctx, what, func(_ context.Context, c rueidis.Client) error {
		addrs = addrs[:0]
		for addr := range c.Nodes() {
			addrs = append(addrs, addr)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if l.target.Kind() != Cluster {
		primaries := make(map[string]string, 1)
		for _, addr := range addrs {
			primaries[addr] = ""
		}
		return primaries, nil
	}
	slices.Sort(addrs)
	err = l.failure(what, errNoNode)
	for _, addr := range addrs {
		var owners map[string][]slotRange
		err = l.ReadAt(ctx, addr, what, func(ctx context.Context, c rueidis.Client) error {
			reply, err := c.Do(ctx, c.B().ClusterSlots().Build()).ToAny()
			owners = slotOwners(reply, addr)
			return err
		})
		if err == nil {
			primaries := make(map[string]string, len(owners))
			for primary, ranges := range owners {
				primaries[primary] = fmt.Sprint(ranges)
			}
			return primaries, nil
		}
	}
	return nil, err
}

// ReadAt is Read at the server with the address, which Primaries has told.
func (l *Link) ReadAt(ctx context.Context, addr, what string, f Func) error {
	return l.Read(ctx, what, func(ctx context.Context, c rueidis.Client) error {
		node := c.Nodes()[addr]
		if node == nil {
			return errNoNode
		}
		return f(ctx, node)
	})
}
