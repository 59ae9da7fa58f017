package audit

import (
	"fmt"
	"strings"
)

func (n node) maxmemory() int64 {
	if n.info.has("maxmemory") {
		return n.info.number("maxmemory")
	}
	return n.config.number("maxmemory")
}

func (n node) policy() string {
	if p := n.info["maxmemory_policy"]; p != "" {
		return p
	}
	return n.config["maxmemory-policy"]
}

// fullAt is the part of maxmemory from which on it is nearly full, in percent.
const fullAt = 90

// judgeMemory is about the limit.
func judgeMemory(n node, use Use) Finding {
	f := Finding{ID: "redis.maxmemory", Subject: n.subject()}
	used, most := n.info.number("used_memory"), n.maxmemory()
	switch {
	case !n.info.has("maxmemory") && !n.config.has("maxmemory"):
		f.Severity, f.Found = Unknown, "the server does not tell maxmemory"
	case most == 0:
		f.Severity, f.Found = use.mild(), "maxmemory is 0: it grows until the machine has no memory left, and then the kernel kills it"
		f.Remedy = "set maxmemory to what the machine can spare (CONFIG SET maxmemory 1gb, and in redis.conf)"
	case used*100 > most*fullAt && n.policy() == "noeviction":
		f.Severity, f.Found = Fail, fmt.Sprintf("%s of %s are used, and maxmemory-policy is noeviction: soon nothing can be written, not even a session", size(used), size(most))
		f.Remedy = "raise maxmemory"
	default:
		f.Severity, f.Found = OK, fmt.Sprintf("%s of %s are used", size(used), size(most))
	}
	return f
}

// judgeEviction is about what goes when memory is full.
func judgeEviction(n node, use Use) Finding {
	policy := n.policy()
	f := Finding{ID: "redis.eviction", Subject: n.subject(), Severity: OK, Found: "maxmemory-policy is " + policy}
	gone := ""
	if evicted := n.info.number("evicted_keys"); evicted > 0 {
		gone = fmt.Sprintf(", and %d keys have been thrown out so far", evicted)
	}
	limited := n.maxmemory() > 0
	switch {
	case policy == "":
		f.Severity, f.Found = Unknown, "the server does not tell maxmemory-policy"
	case use.Sessions && strings.HasPrefix(policy, "allkeys-"):
		f.Severity, f.Found = Fail, "maxmemory-policy is "+policy+" and sessions live here: when memory is full, visitors are logged out"+gone
		f.Remedy = "set maxmemory-policy noeviction and leave room (pages are served when a value does not fit), or give the cache a Redis of its own"
	case use.Sessions && strings.HasPrefix(policy, "volatile-"):
		f.Severity, f.Found = Warn, "maxmemory-policy is "+policy+" and sessions, which have an expiry, live here: when memory is full, some visitors are logged out"+gone
		f.Remedy = "set maxmemory-policy noeviction and watch memory, or give the cache a Redis of its own"
	case !use.Sessions && policy == "noeviction" && limited:
		f.Severity, f.Found = Warn, "maxmemory-policy is noeviction: when memory is full, nothing new is cached"
		f.Remedy = "set maxmemory-policy allkeys-lru (or allkeys-lfu): there is only cache in it"
	case gone != "":
		f.Severity, f.Found = Note, f.Found+gone
	}
	return f
}

// judgeClients is about connections.
func judgeClients(n node) Finding {
	f := Finding{ID: "redis.clients", Subject: n.subject(), Severity: OK}
	now, most := n.info.number("connected_clients"), n.info.number("maxclients")
	if most == 0 {
		most = n.config.number("maxclients")
	}
	f.Found = fmt.Sprintf("%d clients of at most %d", now, most)
	switch rejected := n.info.number("rejected_connections"); {
	case rejected > 0:
		f.Severity, f.Found = Warn, fmt.Sprintf("%d connections were refused because of maxclients (%d)", rejected, most)
		f.Remedy = "raise maxclients, or lower REDIS_MAX_CONNECTIONS"
	case most > 0 && now*100 > most*fullAt:
		f.Severity, f.Remedy = Warn, "raise maxclients, or lower REDIS_MAX_CONNECTIONS"
	case most == 0:
		f.Found = fmt.Sprintf("%d clients", now)
	}
	return f
}
