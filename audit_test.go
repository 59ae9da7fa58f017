package echoic_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/journal"
)

// found returns the finding of a rule.
func found(t *testing.T, r echoic.Report, id string) echoic.Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.ID == id {
			return f
		}
	}
	t.Fatalf("no finding %s in %+v", id, r.Findings)
	return echoic.Finding{}
}

func auditConfig(t *testing.T) echoic.Config {
	redis := testenv.Redis(t)
	cfg := echoic.DefaultConfig()
	cfg.Env, cfg.RedisURL, cfg.DatabaseURL, cfg.CachePrefix = echoic.Production, redis.URL, testenv.Postgres(t).Database(t), redis.Prefix
	cfg.RedisSocketTimeout, cfg.CacheStoreBudget = 5*time.Second, 5*time.Second
	return cfg
}

func audited(t *testing.T, cfg echoic.Config, opts echoic.AuditOptions) echoic.Report {
	t.Helper()
	r, err := echoic.Audit(t.Context(), cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The clocks of real servers, compared with one that is wrong.
func TestAuditClockSkew(t *testing.T) {
	t.Parallel()
	cfg := auditConfig(t)
	for shift, want := range map[time.Duration]echoic.Severity{0: echoic.SeverityOK, 4 * time.Second: echoic.SeverityWarn, -time.Hour: echoic.SeverityFail} {
		r := audited(t, cfg, echoic.AuditOptions{Pings: 5, Now: func() time.Time { return time.Now().Add(shift) }})
		for _, id := range []string{"redis.clock", "postgres.clock"} {
			if f := found(t, r, id); f.Severity != want {
				t.Errorf("%v: %+v", shift, f)
			}
		}
		if len(r.Servers) != 2 || (time.Duration(r.Servers[0].SkewMS)*time.Millisecond+shift).Abs() > 500*time.Millisecond {
			t.Errorf("%v: %+v", shift, r.Servers)
		}
	}
}

// The journal goes on while no server tells Redis of it.
func TestAuditJournalBehind(t *testing.T) {
	t.Parallel()
	cfg := auditConfig(t)
	if _, err := echoic.Tables(t.Context(), cfg, false); err != nil {
		t.Fatal(err)
	}
	if f := found(t, audited(t, cfg, echoic.AuditOptions{}), "journal.behind"); f.Severity != echoic.SeverityNote {
		t.Errorf("a new Redis: %+v", f)
	}
	app := open(t, cfg)
	if _, err := app.Cache.Sweep(t.Context(), nil); err != nil { // it is used, and so verified
		t.Fatal(err)
	}
	if err := app.Close(); err != nil {
		t.Fatal(err)
	}
	if f := found(t, audited(t, cfg, echoic.AuditOptions{}), "journal.behind"); f.Severity != echoic.SeverityOK {
		t.Errorf("told everything: %+v", f)
	}
	appendRows(t, cfg, 1500)
	if f := found(t, audited(t, cfg, echoic.AuditOptions{}), "journal.behind"); f.Severity != echoic.SeverityWarn || f.Remedy == "" {
		t.Errorf("1500 rows behind: %+v", f)
	}
}

func appendRows(t *testing.T, cfg echoic.Config, n int) {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Config{URL: cfg.DatabaseURL, Domain: cfg.CachePrefix})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var list []cache.Invalidation
	for i := range n {
		list = append(list, cache.Invalidation{Kind: cache.InvalidTag, Name: fmt.Sprint("tag ", i)})
	}
	if _, err := j.Append(ctx, list...); err != nil {
		t.Fatal(err)
	}
}
