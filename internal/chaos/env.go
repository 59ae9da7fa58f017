package chaos

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
)

// Stack is what the apps of a row stand on.
type Stack string

// The stacks.
const (
	OnRedis    Stack = "redis"    // one Redis server, and Postgres
	OnSentinel Stack = "sentinel" // a primary, a replica and three sentinels, and Postgres
	OnCluster  Stack = "cluster"  // three primaries, and Postgres
	OnSQLite   Stack = "sqlite"   // cache and sessions in one SQLite file
)

// Env is what faults act on: a world and its servers.
type Env struct {
	World    *World
	Redis    *testenv.RedisServer // nil on other stacks
	Sentinel *testenv.Sentinel
	Cluster  *testenv.Cluster
	Postgres *testenv.PostgresServer

	t testing.TB
}

// newEnv starts what a row needs.
func newEnv(t testing.TB, row Row, specs []Spec) *Env {
	t.Helper()
	e := &Env{t: t}
	cfg := Config{Bound: row.Bound, Skew: row.Skew, Apps: row.Apps}
	switch row.stack(specs) {
	case OnSentinel:
		e.Sentinel = testenv.NewSentinel(t, testenv.SentinelConfig{})
		cfg.RedisURL = e.Sentinel.URL
	case OnCluster:
		e.Cluster = testenv.NewCluster(t, testenv.ClusterConfig{})
		cfg.RedisURL = e.Cluster.URL
	case OnSQLite:
		dir := t.TempDir()
		if uses(specs, "sqlite.full") {
			testenv.SmallDisk(t, dir, sqliteDisk)
		}
		cfg.SQLite = filepath.Join(dir, "site.db")
	default:
		var redis testenv.RedisConfig
		for _, spec := range specs {
			if change := kinds()[spec.Name].redis; change != nil {
				change(&redis)
			}
		}
		e.Redis = testenv.NewRedis(t, redis)
		cfg.Redis = e.Redis
	}
	if uses(specs, "postgres.") {
		e.Postgres = testenv.NewPostgres(t, testenv.PostgresConfig{Durable: true})
		if cfg.Postgres = e.Postgres; uses(specs, "postgres.full") {
			cfg.Database = e.Postgres.SmallDatabase(t)
		} else {
			cfg.Database = e.Postgres.Database(t)
		}
	}
	e.World = New(t, cfg)
	return e
}

// uses says whether a fault's name begins with prefix.
func uses(specs []Spec, prefix string) bool {
	for _, spec := range specs {
		if strings.HasPrefix(spec.Name, prefix) {
			return true
		}
	}
	return false
}

func (e *Env) check(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Errorf("chaos: %v", err)
	}
}

// redis sends a command to the server.
func (e *Env) redis(command string, args ...any) {
	e.t.Helper()
	if _, err := e.Redis.Do(command, args...); err != nil {
		e.t.Errorf("chaos: %s: %v", command, err)
	}
}

// apps returns the app of a name, or all of them.
func (e *Env) apps(name string) []*App {
	if name == "all" {
		return e.World.Apps
	}
	for _, app := range e.World.Apps {
		if app.Name == name {
			return []*App{app}
		}
	}
	e.t.Fatalf("chaos: there is no app %q", name)
	return nil
}

// sqliteDisk is the size of a disk that is to be full, in mount's words.
const sqliteDisk = "16m"

// recovered returns when the apps use everything again, and how long that took.
func (e *Env) recovered() time.Duration {
	begun := time.Now()
	e.World.AwaitRecovery()
	for _, app := range e.World.Apps {
		var last Result
		testenv.Eventually(e.t, patience, func() bool {
			last = e.World.Edit(app, e.World.key(0), editPurge)
			return last.Outcome == OK
		}, "an edit on app %s is acknowledged%s", app.Name, lazy(func() string { return ": " + last.Detail }))
	}
	return time.Since(begun)
}
