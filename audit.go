package echoic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echoic-go/echoic/internal/audit"
	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/sqlconn"
	"github.com/echoic-go/echoic/journal"
)

// AuditOptions are what an [Audit] can be told. The zero value is ready to use.
type AuditOptions struct {
	// Pings is how often each server is asked for its latency, 1 to 10000.
	// Defaults to 20.
	Pings int
	// MaxSaveAge is how old Redis' last save may be while there are changes
	// since. Defaults to two hours.
	MaxSaveAge time.Duration
	// Now is the clock that servers' clocks are compared with. Defaults to
	// time.Now.
	Now func() time.Time
}

const (
	// auditTimeout bounds asking all servers of one kind.
	auditTimeout = 30 * time.Second
	// patientTimeout is how long an audit waits for one answer, if the
	// application does not wait longer: a slow server is to be found slow.
	patientTimeout = 2 * time.Second
)

// Audit does what [Check] does, asks all servers about themselves, and goes
// through the security checklist (docs/security-checklist.md). It changes
// nothing but the values that Check sends round.
//
// A configuration that production refuses as insecure is audited all the same:
// what is wrong with it is among the findings. Any other that Validate refuses
// is an error.
func Audit(ctx context.Context, cfg Config, opts AuditOptions) (Report, error) {
	r := Report{Env: cfg.Env, Prefix: cfg.CachePrefix}
	insecure, err := cfg.insecurities()
	if err != nil {
		return r, err
	}
	r.add(insecure...)
	plan := cfg.Plan()
	use := audit.Use{
		Production: cfg.Env == Production, Sessions: plan.Sessions == Redis, Durable: plan.Database != "",
		Prefix: cfg.CachePrefix, TrustRestart: cfg.RedisTrustRestart, Pings: opts.Pings, MaxSaveAge: opts.MaxSaveAge, Now: opts.Now,
	}
	if cfg.RedisURL != "" {
		r.auditRedis(ctx, cfg, use)
	}
	if plan.Database == Postgres {
		r.auditPostgres(ctx, cfg, plan, use)
	}
	r.Checks = []CheckResult{checkConfig(cfg)}
	if plan.Cache != "" { // it is, where production has neither Redis nor database
		r.Checks = append(r.Checks, checkStores(ctx, cfg, plan)...)
	}
	r.add(auditApplication(cfg, plan)...)
	if plan.Database == Postgres && plan.Cache == Redis {
		r.add(auditJournal(ctx, cfg))
	}
	return r, nil
}

// insecurities are what only production refuses, as findings. The error is
// what is wrong otherwise.
func (cfg Config) insecurities() ([]Finding, error) {
	problem := cfg.Validate()
	if problem == nil {
		return nil, nil
	}
	lenient := cfg
	lenient.Env, lenient.SessionCookieName, lenient.SessionCookieSecure = Development, "", ""
	if cfg.Env != Production || lenient.Validate() != nil {
		return nil, problem
	}
	var list []Finding
	for _, p := range flatten(problem) {
		found := p.Variable + " " + p.Problem
		if p.Value != "" {
			found = fmt.Sprintf("%s: %q %s", p.Variable, p.Value, p.Problem)
		}
		list = append(list, Finding{ID: "config." + p.Variable, Subject: "application", Severity: SeverityFail, Found: found + "; the application refuses to start", Remedy: p.Remedy})
	}
	return list, nil
}

func (r *Report) auditRedis(ctx context.Context, cfg Config, use audit.Use) {
	ctx, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	target, err := redisconn.Parse(cfg.RedisURL)
	if err != nil {
		return // Check says so
	}
	policy := cfg.redisPolicy()
	policy.ConnectTimeout, policy.SocketTimeout = max(policy.ConnectTimeout, patientTimeout), max(policy.SocketTimeout, patientTimeout)
	result, err := audit.Redis(ctx, target, policy, use)
	r.take(result)
	if err != nil {
		r.add(unasked("redis", target.Addr(), err))
	}
}

func (r *Report) auditPostgres(ctx context.Context, cfg Config, plan Plan, use audit.Use) {
	ctx, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	target, err := sqlconn.Parse(cfg.DatabaseURL)
	if err != nil {
		return
	}
	result, err := audit.Postgres(ctx, target, relations(plan), use)
	r.take(result)
	if err != nil {
		r.add(unasked("postgres", target.Addr(), err))
	}
}

// unasked is a server of which nothing is known.
func unasked(kind, addr string, err error) Finding {
	return Finding{
		ID: kind + ".reachable", Subject: kind + " " + addr, Severity: SeverityUnknown,
		Found: "nothing could be checked: " + err.Error(), Remedy: "see what failed to connect above",
	}
}

// relations are the tables without which the application would have to create
// them. That of a cache in the database is made also where it is elsewhere, and
// then nobody misses it.
func relations(plan Plan) (names []string) {
	for _, kind := range neededTables(plan) {
		if kind.in == plan.Database && (kind.name != "cache" || plan.Cache == plan.Database) {
			names = append(names, kind.relations...)
		}
	}
	return names
}

// mostBehind bounds the rows that are counted, and lateRows and lateAfter are
// from when on a Redis is far behind.
const (
	mostBehind = 10_000
	lateRows   = 1000
	lateAfter  = time.Minute
)

// auditJournal compares what the database knows of purges and logouts with what
// Redis has been told.
func auditJournal(ctx context.Context, cfg Config) (f Finding) {
	f = Finding{ID: "journal.behind", Subject: "journal", Severity: SeverityOK}
	ctx, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	var owned resources
	defer func() { _ = owned.Close() }() // they were only read
	b, err := behind(ctx, cfg, &owned)
	switch {
	case err != nil:
		f.Severity, f.Found = SeverityUnknown, "it cannot be compared with Redis: "+err.Error()
	case !b.Marked:
		f.Severity, f.Found = SeverityNote, "this Redis has been told nothing yet: no application has used it, or it has lost its data since"
	case b.Lost:
		f.Severity, f.Found = SeverityWarn, "rows are gone that Redis was never told: the next server that starts drops all that is cached in it, and sessions that have ended are looked up anew"
		f.Remedy = fmt.Sprintf("raise JOURNAL_RETENTION (%v), and look why no server has told it for so long", cfg.JournalRetention)
	case b.Rows >= lateRows || b.Rows > 0 && time.Since(b.Oldest) > lateAfter:
		f.Severity = SeverityWarn
		f.Found = fmt.Sprintf("Redis is %s purges and logouts behind, the oldest of %s", atLeastCount(b), b.Oldest.UTC().Format(time.RFC3339))
		f.Remedy = "see whether a server runs and reaches both; without one this is normal, and made up for at the next start"
	default:
		f.Found = fmt.Sprintf("Redis has been told everything but %d rows", b.Rows)
		if b.Rows == 0 {
			f.Found = "Redis has been told everything"
		}
	}
	return f
}

func atLeastCount(b journal.Behind) string {
	if b.More {
		return fmt.Sprintf("more than %d", b.Rows)
	}
	return fmt.Sprint(b.Rows)
}

func behind(ctx context.Context, cfg Config, owned *resources) (journal.Behind, error) {
	j, err := journal.Open(ctx, journal.Config{URL: cfg.DatabaseURL, Domain: cfg.CachePrefix, PruneInterval: -1})
	if err != nil {
		return journal.Behind{}, err
	}
	owned.add(j)
	store, err := openRedisStore(ctx, cfg, nil, owned)
	if err != nil {
		return journal.Behind{}, err
	}
	return j.Behind(ctx, store, cfg.CachePrefix, mostBehind)
}

// missingTables reports which tables are not in the database.
func missingTables(ctx context.Context, cfg Config, plan Plan) (missing []string, err error) {
	target, err := sqlconn.Parse(cfg.DatabaseURL)
	if err != nil {
		return nil, err
	}
	pool, err := sqlconn.OpenPostgres(ctx, target, sqlconn.PoolConfig{MaxConns: 1})
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	for _, name := range relations(plan) {
		var there bool
		if err := pool.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&there); err != nil {
			return missing, errors.Join(errors.New("tables cannot be looked for"), err)
		}
		if !there {
			missing = append(missing, name)
		}
	}
	return missing, nil
}
