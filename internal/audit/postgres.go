package audit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/internal/sqlconn"
)

// database is what one Postgres server says of itself and of our role.
type database struct {
	addr     string
	number   int // server_version_num
	settings fields
	user     string
	super    bool
	bypass   bool
	standby  bool
	tls      bool
	creates  bool // our role may create tables in the schema
	schema   string
	used     int64 // connections
	trust    int64 // lines of pg_hba.conf that let everybody in from elsewhere; -1 is unknown
	size     int64
	latency  Latency
	skew     time.Duration
	missing  []string
	remote   bool
	verified bool // the URL asks for encryption
	password bool // the URL has one
}

// settings are what rules ask SHOW about.
var settingNames = []string{
	"server_version", "listen_addresses", "fsync", "full_page_writes", "synchronous_commit", "max_connections", "password_encryption", "transaction_read_only", "ssl",
}

// Postgres asks the server behind target, and which of the relations are
// missing.
func Postgres(ctx context.Context, target sqlconn.Target, relations []string, use Use) (Result, error) {
	use = use.withDefaults()
	pool, err := sqlconn.OpenPostgres(ctx, target, sqlconn.PoolConfig{MaxConns: 1, ApplicationName: "echoic-check"})
	if err != nil {
		return Result{}, err
	}
	defer pool.Close()
	d, err := ask(ctx, pool, relations, use)
	if err != nil {
		return Result{}, err
	}
	d.addr, d.remote, d.verified, d.password = target.Addr(), target.Remote(), target.TLS(), target.HasPassword()
	r := Result{Servers: []Server{d.server()}}
	subject := "postgres " + d.addr
	r.add(judgeTables(d, use), judgeLatency("postgres", subject, d.latency, use.SlowAfter), judgeClock("postgres", subject, d.skew),
		judgePostgresVersion(d), judgeStandby(d), judgeDurability(d, use), judgePostgresPassword(d, use), judgeEncryption(d, use), judgeListen(d),
		judgeUser(d, use), judgeConnections(d), judgeTrustLines(d))
	return r, nil
}

// ask collects. What our role may not see stays empty.
func ask(ctx context.Context, pool *pgxpool.Pool, relations []string, use Use) (database, error) {
	d := database{settings: fields{}, trust: -1}
	for _, name := range settingNames {
		var value string
		if err := pool.QueryRow(ctx, "SELECT coalesce(current_setting($1, true), '')", name).Scan(&value); err != nil {
			return d, err
		}
		d.settings[name] = value
	}
	err := pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_user, r.rolsuper, r.rolbypassrls, pg_is_in_recovery(),
		coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
		coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), coalesce(current_schema(), ''),
		(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), pg_database_size(current_database())
		FROM pg_roles r WHERE r.rolname = current_user`).
		Scan(&d.number, &d.user, &d.super, &d.bypass, &d.standby, &d.tls, &d.creates, &d.schema, &d.used, &d.size)
	if err != nil {
		return d, err
	}
	for _, name := range relations {
		var there bool
		if err := pool.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", quoteName(name)).Scan(&there); err != nil {
			return d, err
		}
		if !there {
			d.missing = append(d.missing, name)
		}
	}
	var lines int64
	const open = `SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'trust' AND type LIKE 'host%' AND coalesce(address, '') NOT IN ('127.0.0.1', '::1', 'samehost')`
	if err := pool.QueryRow(ctx, open).Scan(&lines); err == nil {
		d.trust = lines
	}
	d.latency, d.skew, err = timePostgres(ctx, pool, use)
	return d, err
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func timePostgres(ctx context.Context, pool *pgxpool.Pool, use Use) (Latency, time.Duration, error) {
	var times []time.Duration
	var skew, best time.Duration
	for i := range use.Pings + 1 {
		var now time.Time
		begin, start := use.Now(), time.Now()
		if err := pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
			return Latency{}, 0, err
		}
		took := time.Since(start)
		if i == 0 {
			continue // it is prepared now
		}
		if len(times) == 0 || took < best {
			best, skew = took, now.Sub(begin.Add(took/2))
		}
		times = append(times, took)
	}
	return LatencyOf(times), skew, nil
}

func (d database) server() Server {
	role := "primary"
	if d.standby {
		role = "standby"
	}
	return Server{
		Kind: "postgres", Addr: d.addr, Version: "Postgres " + d.settings["server_version"], Role: role, Latency: d.latency, Skew: d.skew,
		Facts: []Fact{
			{"latency", d.latency.String()},
			{"role", "user " + d.user + ", schema " + d.schema},
			{"size", size(d.size)},
			{"connections", fmt.Sprintf("%d of %s", d.used, d.settings["max_connections"])},
			{"durability", "fsync " + d.settings["fsync"] + ", synchronous_commit " + d.settings["synchronous_commit"]},
		},
	}
}

func (d database) finding(id string) Finding {
	return Finding{ID: "postgres." + id, Subject: "postgres " + d.addr, Severity: OK}
}

func judgeTables(d database, use Use) Finding {
	f := d.finding("tables")
	f.Found = "all tables are there"
	if len(d.missing) == 0 {
		return f
	}
	f.Severity, f.Found = use.harsh(), "tables are missing: "+strings.Join(d.missing, ", ")
	f.Remedy = "echoic create-tables"
	if !d.creates {
		f.Severity = Fail
		f.Found += fmt.Sprintf("; and user %s may not create any in schema %q", d.user, d.schema)
		f.Remedy = "run echoic create-tables as a user who may, and GRANT SELECT, INSERT, UPDATE, DELETE on them to " + d.user
	}
	return f
}

// oldestPostgres has xid8 and pg_current_snapshot.
const oldestPostgres = 130000

func judgePostgresVersion(d database) Finding {
	f := d.finding("version")
	f.Found = "Postgres " + d.settings["server_version"]
	if d.number < oldestPostgres {
		f.Severity, f.Found, f.Remedy = Fail, f.Found+" is too old", "use Postgres 13 or later"
	}
	return f
}

func judgeStandby(d database) Finding {
	f := d.finding("writable")
	f.Found = "it takes writes"
	if d.standby || d.settings["transaction_read_only"] == "on" {
		f.Severity, f.Found = Fail, "it takes no writes: it is a standby, or default_transaction_read_only is on"
		f.Remedy = "name the primary in DATABASE_URL, or all servers with target_session_attrs=read-write"
	}
	return f
}

func judgeDurability(d database, use Use) Finding {
	f := d.finding("durability")
	f.Found = "what is committed survives a crash"
	for _, name := range []string{"fsync", "full_page_writes"} {
		if d.settings[name] == "off" {
			f.Severity, f.Found = use.harsh(), name+" is off: a crash of the machine can corrupt the database, and with it lose logouts and purges that were acknowledged"
			f.Remedy = "set " + name + " = on"
			return f
		}
	}
	if d.settings["synchronous_commit"] == "off" {
		f.Severity, f.Found = use.mild(), "synchronous_commit is off: a crash can lose the last logouts and purges, although they were acknowledged"
		f.Remedy = "set synchronous_commit = on, at least for this role (ALTER ROLE … SET)"
	}
	return f
}

func judgePostgresPassword(d database, use Use) Finding {
	f := d.finding("password")
	f.Found = "there is a password"
	switch {
	case d.password:
	case d.remote:
		f.Severity, f.Found, f.Remedy = use.harsh(), "DATABASE_URL reaches another machine without a password", "put it into the URL, and see that pg_hba.conf asks for it (scram-sha-256)"
	default:
		f.Severity, f.Found = Note, "DATABASE_URL has no password, and the server on this machine asks for none"
	}
	return f
}

func judgeEncryption(d database, use Use) Finding {
	f := d.finding("tls")
	switch {
	case !d.remote:
		f.Found = "not needed: it is on this machine"
	case d.tls && d.verified:
		f.Found = "the connection is encrypted"
	case d.tls:
		f.Severity, f.Found = use.harsh(), "the connection is encrypted now, but DATABASE_URL also takes one in the clear"
		f.Remedy = "add sslmode=verify-full (or require)"
	default:
		f.Severity, f.Found = use.harsh(), "the connection to another machine is in the clear: whoever is on the way reads all sessions"
		f.Remedy = "add sslmode=verify-full (or require), and set ssl = on in the server"
	}
	return f
}

func judgeListen(d database) Finding {
	f := d.finding("listen")
	addresses := d.settings["listen_addresses"]
	f.Found = "only this machine reaches it"
	for name := range strings.SplitSeq(addresses, ",") {
		switch name = strings.TrimSpace(name); name {
		case "", "localhost", "127.0.0.1", "::1":
		default:
			f.Severity, f.Found = Note, fmt.Sprintf("other machines reach it (listen_addresses is %q)", addresses)
			f.Remedy = "let a firewall and pg_hba.conf admit the application's machines only"
		}
	}
	return f
}

func judgeUser(d database, use Use) Finding {
	f := d.finding("role")
	f.Found = "user " + d.user + " has no more rights than it needs"
	if d.super || d.bypass {
		f.Severity, f.Found = use.mild(), "user "+d.user+" is a superuser: a flaw in the application is one in the whole server"
		f.Remedy = "make a user of its own for the application (CREATE ROLE … LOGIN) that owns its tables only"
	}
	return f
}

func judgeConnections(d database) Finding {
	f := d.finding("connections")
	most, _ := strconv.ParseInt(d.settings["max_connections"], 10, 64)
	f.Found = fmt.Sprintf("%d of %d are used", d.used, most)
	if most > 0 && d.used*100 > most*fullAt {
		f.Severity, f.Remedy = Warn, "raise max_connections, or put a pooler in front"
	}
	return f
}

func judgeTrustLines(d database) Finding {
	f := d.finding("hba")
	switch {
	case d.trust < 0:
		f.Severity, f.Found = Unknown, "user "+d.user+" may not read pg_hba.conf (pg_hba_file_rules)"
	case d.trust > 0:
		f.Severity, f.Found = Fail, fmt.Sprintf("%d lines of pg_hba.conf let other machines in without a password (trust)", d.trust)
		f.Remedy = "write scram-sha-256 instead of trust"
	default:
		f.Found = "no line of pg_hba.conf lets other machines in without a password"
	}
	return f
}
