// Package sqlconn is the one place that knows how Echoic reaches its SQL
// database: one URL parser, and one dial policy each for Postgres (pgx) and
// SQLite (modernc).
//
//	target, err := sqlconn.Parse("postgres://quotes:secret@127.0.0.1:5432/quotes")
//	pool, err := sqlconn.OpenPostgres(ctx, target, sqlconn.PoolConfig{})
//	defer pool.Close()
//
//	target, err := sqlconn.Parse("sqlite:var/quotes.db")
//	db, err := sqlconn.OpenSQLite(ctx, target)
//	defer db.Close()
//
// A [Target] is where the database is and who we are there; it never shows its
// password. The packages that keep something in a database take the pool or
// the *sql.DB from here, so that all of them wait for locks in the same way: a
// SQLite database that is opened with a plain name refuses most concurrent
// writes, and a Postgres client left to its defaults waits two minutes for a
// host that does not answer.
//
// A [Table] is the checked name of a table, and writes it, and what stands beside
// it, as SQL does.
package sqlconn
