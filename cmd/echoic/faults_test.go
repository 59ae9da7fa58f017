package main

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
)

// commandTime is how long a command may take, whatever is wrong, on a busy
// machine.
const commandTime = 90 * time.Second

// stand is what the commands talk to, with a way to each that can be spoiled.
type stand struct {
	redis    *testenv.RedisServer
	database string // not through the proxy
	ways     struct{ redis, database *faultproxy.Proxy }
	vars     []string
	cfg      echoic.Config
}

func newStand(t *testing.T, database string) *stand {
	t.Helper()
	s := &stand{redis: dedicated(t), database: database}
	through := func(raw string) (*faultproxy.Proxy, string) {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal("the URL of a test server cannot be parsed")
		}
		proxy := faultproxy.ForTest(t, u.Host)
		u.Host = proxy.Addr()
		return proxy, u.String()
	}
	s.cfg = echoic.DefaultConfig()
	s.cfg.Env, s.cfg.CachePrefix, s.cfg.Logger = echoic.Production, s.redis.Prefix, slog.New(slog.DiscardHandler)
	s.ways.redis, s.cfg.RedisURL = through(s.redis.URL)
	s.ways.database, s.cfg.DatabaseURL = through(s.database)
	s.vars = []string{"APP_ENV=production", "REDIS_URL=" + s.cfg.RedisURL, "DATABASE_URL=" + s.cfg.DatabaseURL, "CACHE_PREFIX=" + s.cfg.CachePrefix}
	return s
}

// value opens the application and does something with one value.
func (s *stand) value(t *testing.T, do func(ctx context.Context, values cache.Typed[string])) {
	t.Helper()
	app, err := echoic.Open(t.Context(), s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	do(cache.WithBudget(t.Context(), 10*time.Second), cache.Of[string](app.Cache))
	if err := app.Close(); err != nil {
		t.Error(err)
	}
}

func (s *stand) do(t *testing.T, command string, args ...any) {
	t.Helper()
	if _, err := s.redis.Do(command, args...); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}

// sql runs a statement on the database, whatever the way to it is like.
func (s *stand) sql(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// commandFault is something that is wrong with a server.
type commandFault struct {
	name        string
	found       bool // check has to find it
	begin, mend func(t *testing.T, s *stand)
}

func commandFaults() []commandFault {
	slow := faultproxy.Faults{Latency: 100 * time.Millisecond}
	cut := faultproxy.Faults{CutAfter: 100}
	heal := func(t *testing.T, p *faultproxy.Proxy) {
		if err := p.Heal(); err != nil {
			t.Error(err)
		}
	}
	refuse := func(t *testing.T, p *faultproxy.Proxy) {
		if err := p.Admit(faultproxy.Refuse); err != nil {
			t.Error(err)
		}
	}
	return []commandFault{
		{"redis down", true, func(t *testing.T, s *stand) { refuse(t, s.ways.redis) }, func(t *testing.T, s *stand) { heal(t, s.ways.redis) }},
		{"redis slow", false, func(_ *testing.T, s *stand) { s.ways.redis.Set(faultproxy.ToClient, slow) }, func(t *testing.T, s *stand) { heal(t, s.ways.redis) }},
		{"redis errors", true, func(_ *testing.T, s *stand) { s.ways.redis.Set(faultproxy.ToClient, cut) }, func(t *testing.T, s *stand) { heal(t, s.ways.redis) }},
		{"redis read-only", true, func(t *testing.T, s *stand) {
			_, port, _ := strings.Cut(testenv.RefusedAddr(t), ":")
			s.do(t, "REPLICAOF", "127.0.0.1", port)
		}, func(t *testing.T, s *stand) { s.do(t, "REPLICAOF", "NO", "ONE") }},
		{"redis full", true, func(t *testing.T, s *stand) { s.do(t, "CONFIG", "SET", "maxmemory", "1") }, func(t *testing.T, s *stand) { s.do(t, "CONFIG", "SET", "maxmemory", "0") }},
		{"database down", true, func(t *testing.T, s *stand) { refuse(t, s.ways.database) }, func(t *testing.T, s *stand) { heal(t, s.ways.database) }},
		{"database slow", false, func(_ *testing.T, s *stand) { s.ways.database.Set(faultproxy.ToClient, slow) }, func(t *testing.T, s *stand) { heal(t, s.ways.database) }},
		{"database errors", true, func(_ *testing.T, s *stand) { s.ways.database.Set(faultproxy.ToClient, cut) }, func(t *testing.T, s *stand) { heal(t, s.ways.database) }},
		{"database read-only", true, func(t *testing.T, s *stand) { s.readOnly(t, "SET default_transaction_read_only = on") }, func(t *testing.T, s *stand) { s.readOnly(t, "RESET default_transaction_read_only") }},
	}
}

// What the commands say when something is wrong is true: check finds it, and a
// clear that says that it has cleared has.
func TestCommandsInFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range commandFaults() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, newStand(t, testenv.Postgres(t).Database(t)))
		})
	}
}

// The disk of the database is full: this needs Linux and root.
func TestCommandsWithFullDatabase(t *testing.T) {
	var free func()
	commandFault{
		"database full", true,
		func(t *testing.T, s *stand) { free = testenv.FillDisk(t, s.database) },
		func(*testing.T, *stand) { free() },
	}.run(t, newStand(t, testenv.NewPostgres(t, testenv.PostgresConfig{}).SmallDatabase(t)))
}

func (tt commandFault) run(t *testing.T, s *stand) {
	s.value(t, func(ctx context.Context, values cache.Typed[string]) {
		if _, err := values.Set(ctx, "k", "old"); err != nil {
			t.Fatal(err)
		}
	})
	tt.begin(t, s)
	begun := time.Now()
	code, out, errs := program(t, s.vars, "check")
	if tt.found && code == 0 {
		t.Errorf("check finds nothing:\n%s%s", out, errs)
	}
	cleared, outOfClear, errsOfClear := program(t, s.vars, "clear", "--yes")
	if took := time.Since(begun); took > commandTime {
		t.Errorf("the commands took %v", took)
	}
	all := out + errs + outOfClear + errsOfClear
	if strings.Contains(all, s.redis.Password) || strings.Contains(all, "panic") || strings.Contains(all, "DATA RACE") {
		t.Errorf("the commands say too much:\n%s", all)
	}
	tt.mend(t, s)
	s.value(t, func(ctx context.Context, values cache.Typed[string]) {
		_, found, err := values.Get(ctx, "k")
		if cleared == 0 && (found || err != nil) {
			t.Errorf("clear said that it had cleared, and the value is there: %v, %v\n%s", found, err, outOfClear)
		}
	})
	t.Logf("check: exit %d; clear: exit %d, %s", code, cleared, strings.TrimSpace(outOfClear+errsOfClear))
}

// readOnly changes how sessions of the database begin. The statement itself runs
// in one that may write.
func (s *stand) readOnly(t *testing.T, how string) {
	t.Helper()
	u, err := url.Parse(s.database)
	if err != nil {
		t.Fatal("the URL of a test server cannot be parsed")
	}
	name := pgx.Identifier{strings.TrimPrefix(u.Path, "/")}.Sanitize()
	s.sql(t, "SET default_transaction_read_only = off", "ALTER DATABASE "+name+" "+how)
}
