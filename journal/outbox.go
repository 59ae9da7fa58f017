package journal

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic/cache"
)

// outbox writes purges in transactions of others.
type outbox struct {
	// statement takes domain, origin and the tags as a JSON array of hex
	// strings, which every driver can pass, and for Postgres the channel.
	statement string
	args      []any
	postgres  bool
}

// postgresOutbox, as insertSQL.
const postgresOutbox = `WITH added AS (
	INSERT INTO {table} (domain, kind, name, outbox, origin)
	SELECT $1::text, 't', decode(u.name, 'hex'), true, $2::bigint
	FROM jsonb_array_elements_text($3::jsonb) WITH ORDINALITY AS u (name, n) ORDER BY u.n
	RETURNING id)
SELECT pg_notify($4::text, $1::text), ` + onDisk + ` FROM (SELECT count(*) FROM added) AS a`

const sqliteOutbox = `INSERT INTO {table} (domain, kind, name, outbox, origin, created_at)
	SELECT $1, 't', unhex(value), 1, $2, ` + sqliteNow + ` FROM json_each($3) ORDER BY key`

func newPostgresOutbox(t table, domain string, origin int64) outbox {
	return outbox{statement: t.fill(postgresOutbox), args: []any{domain, origin}, postgres: true}
}

func newSQLiteOutbox(t table, domain string, origin int64) outbox {
	return outbox{statement: t.fill(sqliteOutbox), args: []any{domain, origin}}
}

// PurgeTx purges the tags if and when tx commits: every server hears of it at
// once, and if Redis is away, when it is back. Roll tx back, and nothing has
// happened. It is one statement. No tags is fine.
//
// The commit of tx waits for the disk, whatever synchronous_commit says, and tx
// cannot be prepared (PREPARE TRANSACTION), because it notifies. The journal has
// to be in the database of tx.
func (j *Journal) PurgeTx(ctx context.Context, tx pgx.Tx, tags ...string) error {
	return j.within(ctx, "purge", func() error {
		if !j.outbox.postgres {
			return fmt.Errorf("%w: the journal is not in Postgres: use PurgeSQLTx for SQLite, and Append in memory", cache.ErrUnsupported)
		}
		args := j.outbox.with(j.table, tags)
		if args == nil {
			return ctx.Err()
		}
		_, err := tx.Exec(ctx, j.outbox.statement, args...)
		return err
	})
}

// PurgeSQLTx is PurgeTx for package database/sql: for SQLite, where the other
// servers hear of it within 50 ms of the commit, and for Postgres through any
// driver.
func (j *Journal) PurgeSQLTx(ctx context.Context, tx *sql.Tx, tags ...string) error {
	return j.within(ctx, "purge", func() error {
		if j.outbox.statement == "" {
			return fmt.Errorf("%w: the journal is in memory, where there are no transactions: use Append", cache.ErrUnsupported)
		}
		args := j.outbox.with(j.table, tags)
		if args == nil {
			return ctx.Err()
		}
		_, err := tx.ExecContext(ctx, j.outbox.statement, args...)
		return err
	})
}

// with returns the arguments of the statement, nil if there is nothing to purge.
func (o outbox) with(t table, tags []string) []any {
	names := make([]string, 0, len(tags))
	for _, tag := range tags {
		if tag != "" { // nothing carries it
			names = append(names, hex.EncodeToString([]byte(tag)))
		}
	}
	if len(names) == 0 {
		return nil
	}
	list, _ := json.Marshal(names) // strings never fail
	args := append(append([]any{}, o.args...), string(list))
	if o.postgres {
		args = append(args, t.channel())
	}
	return args
}
