package testenv

import (
	"fmt"
	"strconv"

	"github.com/gomodule/redigo/redis"
)

// AddPrimary starts one more node, without slots, and returns its index. It is
// behind the replicas, and not in URL.
func (c *Cluster) AddPrimary() int {
	c.t.Helper()
	node := NewRedis(c.t, c.node)
	c.must(node.Do("CLUSTER", "MEET", "127.0.0.1", portOf(c.Nodes[0].Addr)))
	c.Nodes = append(c.Nodes, node)
	known := "cluster_known_nodes:" + strconv.Itoa(len(c.Nodes))
	Eventually(c.t, topologyPatience, func() bool { return c.All(known) && c.All("cluster_state:ok") }, "the nodes know the new one")
	return len(c.Nodes) - 1
}

// MoveSlot moves a slot with its keys from one node to another while both serve
// it, as redis-cli --cluster reshard does.
func (c *Cluster) MoveSlot(slot, from, to int) {
	c.t.Helper()
	ids := make(map[int]string)
	for _, i := range []int{from, to} {
		id, err := redis.String(c.Nodes[i].Do("CLUSTER", "MYID"))
		c.must(nil, err)
		ids[i] = id
	}
	source, target := c.Nodes[from], c.Nodes[to]
	c.must(target.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from]))
	c.must(source.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to]))
	for {
		keys, err := redis.Values(source.Do("CLUSTER", "GETKEYSINSLOT", slot, 100))
		c.must(nil, err)
		if len(keys) == 0 {
			break
		}
		args := append([]any{"127.0.0.1", portOf(target.Addr), "", 0, adminPatience.Milliseconds(), "REPLACE", "AUTH", c.node.Password, "KEYS"}, keys...)
		c.must(source.Do("MIGRATE", args...))
	}
	for _, node := range []*RedisServer{target, source} {
		c.must(node.Do("CLUSTER", "SETSLOT", slot, "NODE", ids[to]))
	}
	Eventually(c.t, topologyPatience, func() bool {
		for _, node := range c.Nodes[:c.Primaries] {
			reply, err := redis.Values(node.Do("CLUSTER", "SLOTS"))
			if err != nil || ownerOf(reply, slot) != target.Addr {
				return false
			}
		}
		return true
	}, "the primaries know where slot %d is", slot)
}

// ownerOf finds the primary of a slot in the answer to CLUSTER SLOTS.
func ownerOf(reply []any, slot int) string {
	for _, r := range reply {
		var first, last int
		var owner []any
		if _, err := redis.Scan(r.([]any), &first, &last, &owner); err == nil && first <= slot && slot <= last {
			return fmt.Sprintf("%s:%d", owner[0], owner[1])
		}
	}
	return ""
}
