package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/echoic-go/echoic/internal/redisconn"
)

// Redis asks every server behind target. An error says that none could be asked;
// findings about the topology may come with it.
func Redis(ctx context.Context, target redisconn.Target, policy redisconn.Policy, use Use) (Result, error) {
	use = use.withDefaults()
	switch target.Kind() {
	case redisconn.Sentinel:
		return bySentinel(ctx, target, policy, use)
	case redisconn.Cluster:
		return byCluster(ctx, target, policy, use)
	}
	var r Result
	return r, r.node(ctx, target, policy, use)
}

// node asks and judges one data node.
func (r *Result) node(ctx context.Context, target redisconn.Target, policy redisconn.Policy, use Use) error {
	n, err := collect(ctx, target, policy, use)
	if err != nil {
		return err
	}
	r.Servers = append(r.Servers, n.server())
	r.add(rules(n, use)...)
	return nil
}

// away is a server of several that does not answer.
func away(kind, addr string, err error) Finding {
	return Finding{
		ID: kind + ".reachable", Subject: kind + " " + addr, Severity: Fail, Found: "it cannot be asked: " + err.Error(),
		Remedy: "start it, or take it out of REDIS_URL",
	}
}

// errNobody is for topologies of which no server answers.
func errNobody(target redisconn.Target, problems []error) error {
	return fmt.Errorf("none of the %s's servers (%s) answers: %w", target.Kind(), target.Addr(), errors.Join(problems...))
}
