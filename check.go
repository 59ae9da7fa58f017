package echoic

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/journal"
	"github.com/echoic-go/echoic/session"
)

// CheckResult is what one step of [Check] found.
type CheckResult struct {
	Name    string        `json:"name"`             // what was checked
	OK      bool          `json:"ok"`               // whether it works
	Detail  string        `json:"detail,omitempty"` // what it is, or what went wrong
	Remedy  string        `json:"remedy,omitempty"` // what to do if it does not work
	Latency time.Duration `json:"latency_ns,omitempty"`
}

// checkTimeout bounds one step.
const checkTimeout = 5 * time.Second

// Check connects to everything that cfg names and round-trips a value through
// every cache and the session store, all under names of its own. It goes on
// when a step fails, so that everything that is wrong is named at once. In
// Postgres it creates no tables.
func Check(ctx context.Context, cfg Config) []CheckResult {
	results := []CheckResult{checkConfig(cfg)}
	if !results[0].OK {
		return results
	}
	return append(results, checkStores(ctx, cfg, cfg.Plan())...)
}

// checkStores goes on after the configuration.
func checkStores(ctx context.Context, cfg Config, plan Plan) (results []CheckResult) {
	cfg.Logger = nil // what fails is in the results
	if plan.Cache == Redis || plan.Sessions == Redis {
		results = append(results, timed(ctx, "redis", checkRedis(cfg), remedyRedis))
	}
	if plan.Database == Postgres {
		results = append(results, timed(ctx, "postgres", checkPostgres(cfg), remedyPostgres))
		tables := timed(ctx, "tables", checkTables(cfg, plan), remedyTables)
		if results = append(results, tables); !tables.OK {
			return append(results, untried(plan)...)
		}
	}
	results = append(results, timed(ctx, "cache "+cache.Default, checkCache(cfg), remedyCache(plan.Cache)))
	if plan.Cache != Memory || plan.Database != "" {
		results = append(results, timed(ctx, "journal", checkJournal(cfg, plan), remedyCache(plan.Database)))
	}
	results = append(results, timed(ctx, "sessions", checkSessionStore(cfg), remedyCache(plan.Sessions)))
	return results
}

// untried are the steps that would create what is missing, which is not for a
// check to do.
func untried(plan Plan) (results []CheckResult) {
	for _, name := range []string{"cache " + cache.Default, "journal", "sessions"} {
		results = append(results, CheckResult{Name: name, Detail: "not tried: see tables above", Remedy: remedyTables})
	}
	return results
}

const (
	remedyTables   = "echoic create-tables"
	remedyRedis    = "start Redis, or correct REDIS_URL (host, port, password, database number)"
	remedyPostgres = "start Postgres, or correct DATABASE_URL (host, port, user, password, database)"
)

func remedyCache(b Backend) string {
	switch b {
	case Redis:
		return remedyRedis
	case Postgres:
		return "see postgres above; missing tables are made by: echoic create-tables"
	case SQLite:
		return "check that the directory of the SQLite file exists and can be written; missing tables are made by: echoic create-tables"
	}
	return ""
}

func checkConfig(cfg Config) CheckResult {
	r := CheckResult{Name: "configuration", OK: true}
	if err := cfg.Validate(); err != nil {
		r.OK, r.Detail, r.Remedy = false, err.Error(), "correct the variables named above"
		return r
	}
	p := cfg.Plan()
	r.Detail = fmt.Sprintf("%s: cache in %s, sessions in %s, prefix %s", cfg.Env, p.Cache, p.Sessions, cfg.CachePrefix)
	for _, w := range p.Warnings {
		r.Detail += "; note: " + w
	}
	return r
}

// timed runs one step and measures it.
func timed(ctx context.Context, name string, step func(context.Context) (detail string, err error), remedy string) CheckResult {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	start := time.Now()
	detail, err := step(ctx)
	r := CheckResult{Name: name, OK: err == nil, Detail: detail, Latency: time.Since(start)}
	if err != nil {
		r.Detail, r.Remedy = err.Error(), remedy
	}
	return r
}

// checkCache sends one value through the cache as the application would.
func checkCache(cfg Config) func(context.Context) (string, error) {
	return func(ctx context.Context) (detail string, err error) {
		var owned resources
		defer func() { err = errors.Join(err, owned.Close()) }()
		store, err := openPlainStore(ctx, cfg, &owned)
		if err != nil {
			return "", err
		}
		c, err := cache.New(cache.Config{Store: store, Prefix: cfg.CachePrefix, TTL: time.Minute})
		if err != nil {
			return "", err
		}
		owned.add(c)
		key, want := "echoic-check:"+rand.Text(), rand.Text()
		values := cache.Of[string](c)
		if _, err = values.Set(ctx, key, want, cache.TTL(time.Minute)); err != nil {
			return "", err
		}
		got, found, err := values.Get(ctx, key)
		if err != nil {
			return "", err
		}
		if !found || got != want {
			return "", fmt.Errorf("a value that was just stored came back as %q (found: %v)", got, found)
		}
		_, err = c.Delete(ctx, key)
		return "a value went in, came back and was removed", err
	}
}

// checkJournal asks the journal where it ends, as every server does before it
// trusts a Redis. In a SQLite file it makes the table, as the application would.
func checkJournal(cfg Config, plan Plan) func(context.Context) (string, error) {
	return func(ctx context.Context) (detail string, err error) {
		if plan.Database == "" {
			return "in memory, which promises less: a purge or logout that Redis forgets is known to nobody after a restart of the application, and to no other server at all. Set DATABASE_URL", nil
		}
		var owned resources
		defer func() { err = errors.Join(err, owned.Close()) }()
		j, err := journal.Open(ctx, journal.Config{URL: cfg.DatabaseURL, Domain: cfg.CachePrefix, AutoCreate: true})
		if err != nil {
			return "", err
		}
		owned.add(j)
		if _, err := j.End(ctx); err != nil {
			return "", err
		}
		return fmt.Sprintf("in %s: purges and logouts are there before they are acknowledged, for %v", plan.Database, cfg.JournalRetention), nil
	}
}

// checkSessionStore sends one record through the session store.
func checkSessionStore(cfg Config) func(context.Context) (string, error) {
	return func(ctx context.Context) (detail string, err error) {
		var owned resources
		defer func() { err = errors.Join(err, owned.Close()) }()
		store, err := openSessionStore(ctx, cfg, nil, &owned)
		if err != nil {
			return "", err
		}
		key, want := "echoic-check-"+rand.Text(), rand.Text()
		inserted, err := store.Insert(ctx, key, session.Record{Data: []byte(want), Expiry: time.Now().Add(time.Minute)})
		if err != nil {
			return "", err
		}
		rec, found, err := store.Fetch(ctx, key)
		if err != nil {
			return "", err
		}
		if !inserted || !found || string(rec.Data) != want {
			return "", fmt.Errorf("a session that was just stored did not come back (inserted: %v, found: %v)", inserted, found)
		}
		removed, err := store.Remove(ctx, key)
		if err == nil && !removed {
			err = errors.New("a session that was just stored could not be removed")
		}
		return "a session went in, came back and was removed", err
	}
}

// infoField finds one line of Redis' INFO.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			return value
		}
	}
	return "(unknown version)"
}
