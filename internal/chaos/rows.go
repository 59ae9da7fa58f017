package chaos

import "time"

// Row is one line of the fault table: what breaks, and what may fail then.
type Row struct {
	// Name is what -rows chooses it by.
	Name string
	// Fault says it in words.
	Fault string
	// Faults is what ParseFaults reads.
	Faults string
	// Stack is what the apps stand on. Empty: what the faults need, and else
	// Redis and Postgres.
	Stack Stack
	// Bound is as in Config, and so are Apps and Skew.
	Bound time.Duration
	Apps  int
	Skew  []time.Duration
	// Quiet rows make no edits in the moment before the fault, and all pages
	// are kept when it begins: those that are kept have to be served.
	Quiet bool
	// Least is how long the fault has to last to show.
	Least time.Duration
	// CI rows are those that run with all other tests.
	CI bool
	// Own is a scenario that has its own load; nil: the common one.
	Own func(*Env, *RowResult, Options)
}

func (r Row) stack(specs []Spec) Stack {
	switch {
	case r.Stack != "":
		return r.Stack
	case uses(specs, "sentinel."):
		return OnSentinel
	case uses(specs, "cluster."):
		return OnCluster
	case uses(specs, "sqlite."):
		return OnSQLite
	}
	return OnRedis
}

// Rows is the fault table, in the order of docs/RELIABILITY.md.
func Rows() []Row {
	const hour = time.Hour
	return []Row{
		{Name: "all-is-well", Fault: "nothing", Faults: "none"},
		{Name: "redis-killed", Fault: "Redis killed (SIGKILL), comes back with its data", Faults: "redis.kill"},
		{Name: "redis-empty", Fault: "Redis killed, comes back empty", Faults: "redis.empty"},
		{Name: "redis-old-dump", Fault: "Redis dies and comes back with an old dump", Faults: "redis.olddump", CI: true},
		{Name: "redis-stopped", Fault: "Redis stopped (SIGSTOP)", Faults: "redis.stop"},
		{Name: "redis-slow", Fault: "Redis answers 500 ms late", Faults: "redis.link:latency=500ms,to=client"},
		{Name: "redis-paused", Fault: "Redis keeps writes waiting (CLIENT PAUSE WRITE)", Faults: "redis.pause"},
		{Name: "redis-loading", Fault: "Redis restarts and answers LOADING", Faults: "redis.loading"},
		{Name: "redis-readonly", Fault: "Redis is a replica (READONLY)", Faults: "redis.readonly"},
		{Name: "redis-oom", Fault: "Redis has no memory (OOM)", Faults: "redis.oom"},
		{Name: "redis-misconf", Fault: "Redis cannot save (MISCONF)", Faults: "redis.misconf"},
		{Name: "redis-maxclients", Fault: "Redis lets nobody in (maxclients)", Faults: "redis.maxclients", CI: true},
		{Name: "redis-auth-lost", Fault: "Redis has another password", Faults: "redis.auth", CI: true},
		{Name: "redis-cut-mid-reply", Fault: "every connection is cut in the middle of a reply", Faults: "redis.link:cut=701,to=client"},
		{Name: "redis-byte-by-byte", Fault: "replies arrive one byte at a time", Faults: "redis.link:slice=1,pause=1ms,to=client"},
		{Name: "redis-refused", Fault: "connections to Redis are refused, and open ones reset", Faults: "redis.link:refuse,reset"},
		{Name: "redis-flapping", Fault: "Redis silent 1 s, well 1 s, in turns", Faults: "redis.flap:down=1s,up=1s"},
		{Name: "redis-slow-and-cut", Fault: "200 ms of latency, jitter, and connections that are cut", Faults: "redis.link:latency=200ms,jitter=100ms,cut=2048"},
		{Name: "partition-of-one", Fault: "one server is cut off from Redis, in silence", Faults: "redis.link:blackhole,app=A"},
		{Name: "half-open-link", Fault: "one server's words reach Redis, no answer comes back", Faults: "redis.link:blackhole,to=client,app=A"},
		{Name: "tracking-killed", Fault: "tracking connections killed again and again", Faults: "redis.tracking:every=300ms"},
		{Name: "tracking-overrun", Fault: "output buffer of the tracking connections overrun", Faults: "redis.overrun:every=300ms", CI: true},
		{Name: "sentinel-failover", Fault: "Sentinel: the primary is killed", Faults: "sentinel.kill"},
		{Name: "sentinel-handover", Fault: "Sentinel: a failover in good order", Faults: "sentinel.handover"},
		{Name: "cluster-node-lost", Fault: "Cluster: a primary without replica is killed, comes back empty", Faults: "cluster.kill"},
		{Name: "cluster-resharding", Fault: "Cluster: slots move under load", Faults: "cluster.reshard", CI: true},
		{Name: "postgres-killed", Fault: "Postgres killed, recovers", Faults: "postgres.kill", Quiet: true, CI: true},
		{Name: "postgres-shut-down", Fault: "Postgres shut down", Faults: "postgres.shutdown", Quiet: true},
		{Name: "postgres-stopped", Fault: "Postgres stopped (SIGSTOP)", Faults: "postgres.stop", Quiet: true},
		{Name: "postgres-restarted", Fault: "Postgres restarted", Faults: "postgres.restart", Quiet: true},
		{Name: "postgres-locked", Fault: "all tables locked", Faults: "postgres.lock", Quiet: true, CI: true},
		{Name: "postgres-backends-terminated", Fault: "backends terminated again and again", Faults: "postgres.terminate:every=200ms", Quiet: true},
		{Name: "postgres-slow", Fault: "Postgres answers 200 ms late", Faults: "postgres.link:latency=200ms,to=client", Quiet: true, Least: 3 * time.Second},
		{Name: "postgres-cut-mid-reply", Fault: "every connection to Postgres is cut in the middle of a reply", Faults: "postgres.link:cut=1501,to=client", Quiet: true},
		{Name: "postgres-readonly", Fault: "Postgres takes no writes", Faults: "postgres.readonly", Quiet: true},
		{Name: "postgres-disk-full", Fault: "the disk of the tables is full", Faults: "postgres.full", Quiet: true, Least: 3 * time.Second, CI: true},
		{Name: "redis-and-postgres-gone", Fault: "Redis and Postgres both killed", Faults: "redis.kill+postgres.kill", Quiet: true, CI: true},
		{Name: "sqlite-busy", Fault: "SQLite: somebody else holds the lock", Faults: "sqlite.busy", Quiet: true, CI: true},
		{Name: "sqlite-disk-full", Fault: "SQLite: the disk is full", Faults: "sqlite.full", Quiet: true, Least: 3 * time.Second},
		{Name: "sqlite-readonly", Fault: "SQLite: the disk has become read-only", Faults: "sqlite.readonly", Quiet: true, Least: 3 * time.Second, CI: true},
		{Name: "sqlite-killed-mid-write", Fault: "SQLite: an app is killed while it writes", Faults: "app.kill:every=700ms", Stack: OnSQLite},
		{Name: "app-killed", Fault: "an app is killed again and again", Faults: "app.kill:every=700ms"},
		{Name: "app-sigterm", Fault: "an app is taken out, ended with SIGTERM and started again", Faults: "app.term:every=700ms", CI: true},
		{Name: "app-killed-after-commit", Fault: "an app dies between the commit of an edit and its purge", Bound: time.Second, Own: killedAfterCommit},
		{Name: "clock-skew", Fault: "one server's clock is an hour ahead, the other's an hour late", Faults: "none", Skew: []time.Duration{hour, -hour}, CI: true},
		{Name: "logout-not-taken-by-redis", Fault: "users log out on one server while Redis takes no writes", Own: refusedLogout},
		{Name: "cold-start", Fault: "1,000 clients ask two servers for one page that nobody has", Own: coldStart},
		{Name: "failing-handlers", Fault: "handlers fail, panic, hang; clients leave midway", Own: failingHandlers, CI: true},
	}
}
