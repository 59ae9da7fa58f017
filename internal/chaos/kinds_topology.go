package chaos

import (
	"slices"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv"
)

// clusterPatience is what a cluster and a busy machine take to agree on a node.
const clusterPatience = 30 * time.Second

func topologyKinds() map[string]kind {
	nothing := func() {}
	return map[string]kind{
		"sentinel.kill": {
			about: "the primary is killed and stays away; its replica takes over", mayFail: sessionClasses(),
			make: func(e *Env, _ *params) injection { return injection{e.Sentinel.Primary().Kill, nothing} },
		},
		"sentinel.handover": {
			about: "the primary hands over to its replica", mayFail: sessionClasses(),
			make: func(e *Env, _ *params) injection { return injection{e.Sentinel.Failover, nothing} },
		},
		"cluster.kill": {
			about: "one of three primaries is killed and comes back empty", params: []string{"node"}, mayFail: sessionClasses(),
			try: func(p *params) { p.number("node", 0) },
			make: func(e *Env, p *params) injection {
				node := e.Cluster.Nodes[p.number("node", 1)%len(e.Cluster.Nodes)]
				return injection{node.Kill, func() {
					node.Restart()
					testenv.Eventually(e.t, clusterPatience, e.Cluster.Ready, "the cluster serves all slots again")
				}}
			},
		},
		"cluster.reshard": {
			about: "slots move between nodes while all is in use", mayFail: sessionClasses(),
			make: func(e *Env, _ *params) injection { return e.reshard() },
		},
	}
}

const (
	// reshardEvery is the time between two moves of a slot.
	reshardEvery = 20 * time.Millisecond
	// reshardSlots is how many slots are moved, there and back.
	reshardSlots = 64
)

// reshard moves slots that hold keys from the first node to the second, and back.
func (e *Env) reshard() injection {
	var slots []int
	moved := 0
	move := repeat(reshardEvery, func() {
		if len(slots) == 0 {
			slots = e.usedSlots()
			return
		}
		from, to := 0, 1
		if moved/len(slots)%2 == 1 {
			from, to = to, from
		}
		e.Cluster.MoveSlot(slots[moved%len(slots)], from, to)
		moved++
	})
	return injection{move.begin, func() {
		move.end()
		if moved == 0 {
			e.t.Error("chaos: no slot was moved: nothing was tested")
		}
		e.t.Logf("slots moved under load: %d", moved)
	}}
}

// usedSlots returns slots of the first node that hold keys.
func (e *Env) usedSlots() (slots []int) {
	node := e.Cluster.Nodes[0]
	reply, err := redis.Values(node.Do("SCAN", 0, "COUNT", 1000))
	e.check(err)
	if err != nil {
		return nil
	}
	keys, err := redis.Strings(reply[1], nil)
	e.check(err)
	for _, key := range keys {
		slot, err := redis.Int(node.Do("CLUSTER", "KEYSLOT", key))
		e.check(err)
		if !slices.Contains(slots, slot) && len(slots) < reshardSlots {
			slots = append(slots, slot)
		}
	}
	return slots
}
