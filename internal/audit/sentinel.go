package audit

import (
	"context"
	"fmt"
	"net"
	"strings"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/redisconn"
)

// bySentinel asks every sentinel, and the primary that they name.
func bySentinel(ctx context.Context, target redisconn.Target, policy redisconn.Policy, use Use) (Result, error) {
	var r Result
	var problems []error
	primaries := map[string]int{}
	for _, addr := range target.Addrs() {
		primary, err := r.sentinel(ctx, target, policy, addr)
		if err != nil {
			problems = append(problems, err)
			r.add(away("sentinel", addr, err))
			continue
		}
		primaries[primary]++
	}
	if len(primaries) == 0 {
		return r, errNobody(target, problems)
	}
	best := ""
	for addr, votes := range primaries {
		if best == "" || votes > primaries[best] {
			best = addr
		}
	}
	if len(primaries) > 1 {
		r.add(Finding{
			ID: "sentinel.agreement", Subject: "sentinel " + target.Master(), Severity: Fail, Found: fmt.Sprintf("the sentinels name %d different primaries", len(primaries)),
			Remedy: "wait for a failover to end; if it stays, make the sentinels know each other (SENTINEL RESET)",
		})
	}
	return r, r.node(ctx, target.At(best), policy, use)
}

// sentinel asks one and returns the primary's address.
func (r *Result) sentinel(ctx context.Context, target redisconn.Target, policy redisconn.Policy, addr string) (string, error) {
	conn, done, err := single(ctx, target.At(addr).As(policy.SentinelUser, policy.SentinelPassword), policy)
	if err != nil {
		return "", err
	}
	defer done()
	state, err := redigo.StringMap(redigo.DoContext(conn, ctx, "SENTINEL", "MASTER", target.Master()))
	if err != nil {
		return "", fmt.Errorf("SENTINEL MASTER %s at %s: %w", target.Master(), addr, err)
	}
	info, _ := redigo.String(redigo.DoContext(conn, ctx, "INFO", "server"))
	r.Servers = append(r.Servers, Server{
		Kind: "sentinel", Addr: addr, Version: "Redis " + parseInfo(info)["redis_version"], Role: "sentinel",
		Facts: []Fact{
			{"watches", target.Master() + " at " + net.JoinHostPort(state["ip"], state["port"])},
			{"knows", fmt.Sprintf("%s replicas, %s other sentinels, quorum %s", state["num-slaves"], state["num-other-sentinels"], state["quorum"])},
		},
	})
	answer, err := redigo.String(redigo.DoContext(conn, ctx, "SENTINEL", "CKQUORUM", target.Master()))
	r.add(judgeQuorum(addr, answer, err), judgeWatch(addr, state))
	return net.JoinHostPort(state["ip"], state["port"]), nil
}

func judgeQuorum(addr, answer string, err error) Finding {
	f := Finding{ID: "sentinel.quorum", Subject: "sentinel " + addr, Severity: OK, Found: answer}
	if err != nil {
		f.Severity, f.Found = Fail, "there is no quorum: "+refusal(err)
		f.Remedy = "start the sentinels that are away: without a majority nobody is promoted when the primary dies"
		if text := refusal(err); !strings.Contains(text, "NOQUORUM") && !strings.Contains(text, "NOGOODSLAVE") {
			f.Severity, f.Found, f.Remedy = Unknown, "the quorum cannot be asked for: "+text, ""
		}
	}
	return f
}

func judgeWatch(addr string, state fields) Finding {
	f := Finding{ID: "sentinel.primary", Subject: "sentinel " + addr, Severity: OK, Found: "it finds the primary well, with " + state["num-slaves"] + " replicas"}
	switch flags := state["flags"]; {
	case strings.Contains(flags, "down"):
		f.Severity, f.Found = Fail, "it finds the primary down (flags "+flags+")"
		f.Remedy = "start the primary, or wait for the failover"
	case state.number("num-slaves") == 0:
		f.Severity, f.Found = Warn, "the primary has no replica: there is nobody to take over"
		f.Remedy = "start a replica (replicaof)"
	}
	return f
}
