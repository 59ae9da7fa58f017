package chaos

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the file is locked by a connection of the fault's own

	"github.com/echoic-go/echoic/internal/testenv"
)

func sqliteKinds() map[string]kind {
	return map[string]kind{
		"sqlite.busy": {
			about: "somebody else writes to the SQLite file and does not end", mayFail: databaseClasses(),
			make: func(e *Env, _ *params) injection { return e.sqliteBusy() },
		},
		"sqlite.readonly": {
			about: "the disk of the SQLite file takes no writes", mayFail: databaseClasses(),
			make: func(e *Env, _ *params) injection {
				var writable func()
				return injection{func() { writable = testenv.ReadOnly(e.t, e.World.cfg.SQLite, e.World.cfg.SQLite+"-wal") }, func() { writable() }}
			},
		},
		"sqlite.full": {
			about: "the disk of the SQLite file is full", mayFail: databaseClasses(),
			make: func(e *Env, _ *params) injection {
				filler := filepath.Join(filepath.Dir(e.World.cfg.SQLite), "filler")
				return injection{func() { e.fillFile(filler) }, func() { e.check(os.Remove(filler)) }}
			},
		},
	}
}

// openSQLite opens the toolkit's file; the caller closes it.
func (e *Env) openSQLite() *sql.DB {
	db, err := sql.Open("sqlite", "file:"+e.World.cfg.SQLite+"?_pragma=busy_timeout(10000)")
	if err != nil {
		e.t.Fatalf("chaos: %v", err)
	}
	return db
}

// sqliteBusy holds the lock of the file from its begin to its end.
func (e *Env) sqliteBusy() injection {
	ctx := context.Background()
	var db *sql.DB
	var conn *sql.Conn
	return injection{
		begin: func() {
			db = e.openSQLite()
			var err error
			if conn, err = db.Conn(ctx); err != nil {
				e.t.Fatalf("chaos: %v", err)
			}
			_, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE")
			e.check(err)
		},
		end: func() {
			_, err := conn.ExecContext(ctx, "ROLLBACK")
			e.check(err)
			e.check(conn.Close())
			e.check(db.Close())
		},
	}
}

// requireSound checks the file that several processes have written to, and that
// some of them did not end well.
func (e *Env) requireSound() {
	if e.World.cfg.SQLite == "" {
		return
	}
	db := e.openSQLite()
	defer func() { e.check(db.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		e.t.Errorf("the SQLite file is corrupt: %v %s", err, verdict)
	}
}

// fillFile writes a file until its disk is full.
func (e *Env) fillFile(path string) {
	// What the log holds already would be written over without a need for room.
	db := e.openSQLite()
	_, err := db.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	e.check(err)
	e.check(db.Close())
	file, err := os.Create(path)
	if err != nil {
		e.t.Fatalf("chaos: %v", err)
	}
	for _, size := range []int{1 << 20, 4096, 1} {
		for err == nil {
			_, err = file.Write(make([]byte, size))
		}
		err = nil
	}
	_ = file.Close() // may say again that the disk is full
}
