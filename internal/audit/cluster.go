package audit

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/redisconn"
)

const (
	clusterSlots = 16384
	// mostNodes bounds how many primaries of a cluster are asked.
	mostNodes = 64
)

// member is a line of CLUSTER NODES.
type member struct {
	addr             string
	primary, failing bool
	of               string // the primary's id, for replicas
	id               string
	slots            bool
}

// byCluster asks one node for the cluster, and then every primary.
func byCluster(ctx context.Context, target redisconn.Target, policy redisconn.Policy, use Use) (Result, error) {
	var r Result
	var problems []error
	for _, addr := range target.Addrs() {
		members, err := r.cluster(ctx, target.At(addr), policy)
		if err != nil {
			problems = append(problems, err)
			r.add(away("redis", addr, err))
			continue
		}
		return r, r.members(ctx, target, policy, use, members)
	}
	return r, errNobody(target, problems)
}

// cluster asks one node about all.
func (r *Result) cluster(ctx context.Context, target redisconn.Target, policy redisconn.Policy) ([]member, error) {
	conn, done, err := single(ctx, target, policy)
	if err != nil {
		return nil, err
	}
	defer done()
	text, err := redigo.String(redigo.DoContext(conn, ctx, "CLUSTER", "NODES"))
	if err != nil {
		return nil, fmt.Errorf("CLUSTER NODES at %s: %w", target.Addr(), err)
	}
	members := parseMembers(text, target.Addr())
	state, err := redigo.String(redigo.DoContext(conn, ctx, "CLUSTER", "INFO"))
	if err != nil {
		return nil, fmt.Errorf("CLUSTER INFO at %s: %w", target.Addr(), err)
	}
	r.add(judgeCluster(parseInfo(state)), judgeMembers(members), judgeReplicas(members))
	return members, nil
}

func parseMembers(text, self string) (list []member) {
	host, _, _ := net.SplitHostPort(self)
	for line := range strings.Lines(text) {
		part := strings.Fields(line)
		if len(part) < 8 {
			continue
		}
		addr, _, _ := strings.Cut(part[1], "@")
		if strings.HasPrefix(addr, ":") { // a node that has not been told its own address yet
			addr = host + addr
		}
		flags := strings.Split(part[2], ",")
		list = append(list, member{
			id: part[0], addr: addr, of: part[3], slots: len(part) > 8,
			primary: slices.Contains(flags, "master"), failing: slices.Contains(flags, "fail") || slices.Contains(flags, "fail?"),
		})
	}
	return list
}

// members asks the primaries that live.
func (r *Result) members(ctx context.Context, target redisconn.Target, policy redisconn.Policy, use Use, members []member) error {
	asked := 0
	var last error
	for _, m := range members {
		if !m.primary || m.failing || asked+1 > mostNodes {
			continue
		}
		if err := r.node(ctx, target.At(m.addr), policy, use); err != nil {
			last = err
			r.add(away("redis", m.addr, err))
			continue
		}
		asked++
	}
	if asked == 0 {
		return last
	}
	return nil
}

func judgeCluster(state fields) Finding {
	f := Finding{ID: "cluster.slots", Subject: "cluster", Severity: OK, Found: "all 16384 slots are served"}
	missing := clusterSlots - state.number("cluster_slots_ok")
	if missing > 0 || state["cluster_state"] != "ok" {
		f.Severity = Fail
		f.Found = fmt.Sprintf("cluster_state is %s: %d of %d slots are not served, %d of them belong to nobody", state["cluster_state"], missing, clusterSlots, clusterSlots-state.number("cluster_slots_assigned"))
		f.Remedy = "start the nodes that are down, or give the slots to others (redis-cli --cluster fix)"
	}
	return f
}

func judgeMembers(members []member) Finding {
	var down []string
	for _, m := range members {
		if m.failing {
			down = append(down, m.addr)
		}
	}
	f := Finding{ID: "cluster.nodes", Subject: "cluster", Severity: OK, Found: fmt.Sprintf("%d nodes, none is down", len(members))}
	if len(down) > 0 {
		f.Severity, f.Found = Fail, fmt.Sprintf("%d of %d nodes are down: %s", len(down), len(members), strings.Join(down, ", "))
		f.Remedy = "start them, or take them out of the cluster (CLUSTER FORGET)"
	}
	return f
}

func judgeReplicas(members []member) Finding {
	replicas := map[string]int{}
	for _, m := range members {
		if !m.primary && !m.failing {
			replicas[m.of]++
		}
	}
	var alone []string
	for _, m := range members {
		if m.primary && m.slots && replicas[m.id] == 0 {
			alone = append(alone, m.addr)
		}
	}
	f := Finding{ID: "cluster.replicas", Subject: "cluster", Severity: OK, Found: "every primary has a replica"}
	if len(alone) > 0 {
		f.Severity, f.Found = Warn, "primaries without a replica: "+strings.Join(alone, ", ")
		f.Remedy = "add replicas: when such a primary dies, its slots are gone"
	}
	return f
}
