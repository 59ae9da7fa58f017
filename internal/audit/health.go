package audit

import (
	"fmt"
	"strconv"
	"strings"
)

// oldest is the oldest Redis that has the commands we use.
const (
	oldestMajor = 6
	oldestMinor = 2
)

// judgeVersion needs 6.2: GETDEL, SET with GET and EX, CLIENT TRACKING as it is now.
func judgeVersion(n node) Finding {
	f := Finding{ID: "redis.version", Subject: n.subject(), Severity: OK, Found: n.version()}
	if n.info.has("valkey_version") {
		return f
	}
	major, rest, _ := strings.Cut(n.info["redis_version"], ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	switch {
	case err1 != nil || err2 != nil:
		f.Severity, f.Found = Unknown, fmt.Sprintf("its version, %q, cannot be read", n.info["redis_version"])
	case a < oldestMajor || a == oldestMajor && b < oldestMinor:
		f.Severity, f.Found = Fail, n.version()+" is too old"
		f.Remedy = "use Redis 6.2 or later, or Valkey"
	}
	return f
}

// judgeRole is about servers that take no writes.
func judgeRole(n node) Finding {
	f := Finding{ID: "redis.role", Subject: n.subject(), Severity: OK, Found: "it is a primary"}
	if n.info["role"] != "slave" {
		if replicas := n.info.number("connected_slaves"); replicas > 0 {
			f.Found = fmt.Sprintf("it is a primary with %d replicas", replicas)
		}
		return f
	}
	f.Severity, f.Found = Fail, "it is a "+n.role()+": it takes no writes (READONLY)"
	f.Remedy = "put the address of the primary into REDIS_URL, or those of the sentinels"
	if n.info["master_link_status"] == "down" {
		f.Found += ", and has lost its primary"
	}
	return f
}

// rules are all that is judged of one data node.
func rules(n node, use Use) []Finding {
	list := []Finding{
		judgeVersion(n), judgeRole(n), judgeLatency("redis", n.subject(), n.latency, use.SlowAfter), judgeClock("redis", n.subject(), n.skew),
		judgePassword(n, use), judgeBind(n), judgeProtected(n, use), judgeTLS(n, use), judgeLogins(n), judgeCommands(n, use),
		judgeMemory(n, use), judgeEviction(n, use), judgeClients(n),
		judgePersistence(n, use), judgeSaving(n), judgeSaveAge(n, use),
	}
	list = append(list, judgeTrust(n, use)...)
	return append(append(list, judgeCertificates(n, use)...), judgeDebug(n)...)
}
