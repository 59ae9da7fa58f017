package postgres

import (
	"context"
	"errors"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic/session"
)

// A session has its owner beside it, in a column that scs does not know. What was
// revoked is in a table of its own. A login and a revocation of the same user wait
// for each other: without that, neither statement would see what the other one
// has not committed yet.
const (
	shareUserSQL = `SELECT pg_advisory_xact_lock_shared(hashtextextended('echoic sessions of ' || $1, 0))`
	lockUserSQL  = `SELECT pg_advisory_xact_lock(hashtextextended('echoic sessions of ' || $1, 0))`

	isRevokedSQL = `SELECT EXISTS (SELECT 1 FROM session_revocations WHERE owner = $1
		AND (login = '' AND stamp >= $3 OR login = $2) AND current_timestamp < expiry)`
	insertOwnedSQL = `INSERT INTO sessions (token, data, expiry, owner) VALUES ($1, $2, $3, $4) ON CONFLICT (token) DO NOTHING`
	ownedSQL       = `SELECT token, data, expiry FROM sessions WHERE token > $1 AND owner = $3 AND current_timestamp < expiry ORDER BY token LIMIT $2`

	nowSQL   = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	stampSQL = `SELECT GREATEST(` + nowSQL + `, 1 + COALESCE((SELECT stamp FROM session_revocations WHERE owner = $1 AND login = ''), 0))`
	// revokeSQL returns no row if $5 was revoked before.
	revokeSQL = `INSERT INTO session_revocations AS old (owner, login, stamp, expiry) VALUES ($1, $2, $3, $4)
		ON CONFLICT (owner, login) DO UPDATE SET stamp = GREATEST(old.stamp + 1, EXCLUDED.stamp), expiry = GREATEST(old.expiry, EXCLUDED.expiry)
		WHERE $5::bigint = 0 OR old.stamp < $5::bigint
		RETURNING stamp`
	sweepRevocationsSQL = `DELETE FROM session_revocations WHERE expiry <= current_timestamp`
)

// insertOwned inserts a session of a user.
func (s *Store) insertOwned(ctx context.Context, key string, rec session.Record) (inserted bool, err error) {
	o := rec.Owner
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, shareUserSQL, o.User); err != nil {
			return err
		}
		var revoked bool
		if err := tx.QueryRow(ctx, isRevokedSQL, o.User, o.Login, o.Since).Scan(&revoked); err != nil {
			return err
		}
		if revoked {
			return session.ErrRevoked
		}
		tag, err := tx.Exec(ctx, insertOwnedSQL, key, notNil(rec.Data), rec.Expiry, o.User)
		inserted = tag.RowsAffected() > 0
		return err
	})
	return inserted && err == nil, problem("insert", err)
}

// Stamp implements session.Indexer.
func (s *Store) Stamp(ctx context.Context, user string) (since int64, err error) {
	if s.closed.Load() {
		return 0, problem("stamp", session.ErrClosed)
	}
	err = s.pool.QueryRow(ctx, stampSQL, user).Scan(&since)
	return since, problem("stamp", err)
}

// Owned implements session.Indexer.
func (s *Store) Owned(ctx context.Context, user string) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) { s.walk(ctx, ownedSQL, []any{user}, yield) }
}

// Revoke implements session.Indexer.
func (s *Store) Revoke(ctx context.Context, r session.Revocation) (since int64, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockUserSQL, r.User); err != nil {
			return err
		}
		var now int64
		if err := tx.QueryRow(ctx, stampSQL, r.User).Scan(&now); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, revokeSQL, r.User, r.Login, now, r.Until, r.By).Scan(&since)
		if errors.Is(err, pgx.ErrNoRows) {
			return session.ErrRevoked
		}
		since++
		return err
	})
	return since, problem("revoke", err)
}

func (s *Store) inTx(ctx context.Context, step func(pgx.Tx) error) error {
	if s.closed.Load() {
		return session.ErrClosed
	}
	return pgx.BeginFunc(ctx, s.pool, step)
}

// sweepRevocations forgets those that are of no use any more: a few for each
// user who has ever used one.
func (s *Store) sweepRevocations(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, sweepRevocationsSQL)
	return err
}
