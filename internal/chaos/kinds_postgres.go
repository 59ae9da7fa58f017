package chaos

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic/internal/testenv"
)

func postgresKinds() map[string]kind {
	plain := func(about string, make func(*Env, *params) injection) kind {
		return kind{about: about, mayFail: databaseClasses(), make: make}
	}
	return map[string]kind{
		"postgres.kill": plain("Postgres is killed and recovers", func(e *Env, _ *params) injection {
			return injection{e.Postgres.Kill, e.Postgres.Restart}
		}),
		"postgres.shutdown": plain("Postgres is shut down", func(e *Env, _ *params) injection {
			return injection{e.Postgres.Shutdown, e.Postgres.Restart}
		}),
		"postgres.stop": plain("Postgres is stopped (SIGSTOP)", func(e *Env, _ *params) injection {
			return injection{e.Postgres.Stop, e.Postgres.Cont}
		}),
		"postgres.restart": plain("Postgres is restarted", func(e *Env, _ *params) injection {
			return injection{e.Postgres.Restart, func() {}}
		}),
		"postgres.lock": plain("all tables are locked", func(e *Env, _ *params) injection { return e.lock() }),
		"postgres.terminate": {
			about: "backends are terminated again and again", params: []string{"every"}, mayFail: databaseClasses(),
			try: func(p *params) { p.duration("every", 0) },
			make: func(e *Env, p *params) injection {
				return repeat(p.duration("every", 200*time.Millisecond), func() { e.exec(terminate) })
			},
		},
		"postgres.readonly": plain("Postgres takes no writes", func(e *Env, _ *params) injection {
			name := pgx.Identifier{e.databaseName()}.Sanitize()
			set := func(how string) func() {
				return func() { e.exec("ALTER DATABASE "+name+" "+how, terminate) }
			}
			return injection{set("SET default_transaction_read_only = on"), func() {
				e.exec("SET default_transaction_read_only = off", "ALTER DATABASE "+name+" RESET default_transaction_read_only", terminate)
			}}
		}),
		"postgres.full": plain("the disk of the tables is full", func(e *Env, _ *params) injection {
			var free func()
			return injection{func() { free = testenv.FillDisk(e.t, e.World.database) }, func() { free() }}
		}),
	}
}

// terminate ends all other connections to the database.
const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`

// exec runs statements one by one on a connection of their own.
func (e *Env) exec(statements ...string) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*adminTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, e.World.database)
	if err != nil {
		e.t.Errorf("chaos: %v", err)
		return
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			e.t.Errorf("chaos: %s: %v", statement, err)
		}
	}
}

func (e *Env) databaseName() string {
	u, err := url.Parse(e.World.database)
	if err != nil {
		e.t.Fatal("chaos: the URL of a test server cannot be parsed")
	}
	return strings.TrimPrefix(u.Path, "/")
}

// lockAll locks all tables of the database against everything.
const lockAll = `DO $$ DECLARE name text; BEGIN
FOR name IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
LOOP EXECUTE 'LOCK TABLE ' || name || ' IN ACCESS EXCLUSIVE MODE'; END LOOP; END $$`

// lock holds the locks in a transaction from its begin to its end.
func (e *Env) lock() injection {
	ctx := context.Background()
	var conn *pgx.Conn
	return injection{
		begin: func() {
			var err error
			if conn, err = pgx.Connect(ctx, e.World.database); err != nil {
				e.t.Fatalf("chaos: %v", err)
			}
			for _, statement := range []string{"BEGIN", lockAll} {
				_, err := conn.Exec(ctx, statement)
				e.check(err)
			}
		},
		end: func() { e.check(conn.Close(ctx)) },
	}
}
