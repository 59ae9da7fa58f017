package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"

	"github.com/echoic-go/echoic/session"
)

// A session has its owner beside it, in a column that scs does not know. What was
// revoked is in a table of its own. SQLite has one writer at a time, so that a
// login and a revocation see each other.
const (
	isRevokedSQL = `EXISTS (SELECT 1 FROM session_revocations WHERE owner = $4
		AND (login = '' AND stamp >= $5 OR login = $6) AND julianday('now') < expiry)`
	insertOwnedSQL = `INSERT INTO sessions (token, data, expiry, owner) SELECT $1, $2, julianday($3), $4
		WHERE NOT ` + isRevokedSQL + ` ON CONFLICT (token) DO NOTHING RETURNING 1`
	askRevokedSQL = `SELECT EXISTS (SELECT 1 FROM session_revocations WHERE owner = $1
		AND (login = '' AND stamp >= $2 OR login = $3) AND julianday('now') < expiry)`
	ownedSQL = `SELECT token, data, expiry FROM sessions WHERE token > $1 AND owner = $3 AND julianday('now') < expiry ORDER BY token LIMIT $2`

	nowSQL   = `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`
	stampSQL = `SELECT MAX(` + nowSQL + `, 1 + COALESCE((SELECT stamp FROM session_revocations WHERE owner = $1 AND login = ''), 0))`
	// revokeSQL returns no row if $4 was revoked before.
	revokeSQL = `INSERT INTO session_revocations AS old (owner, login, stamp, expiry)
		VALUES ($1, $2, (` + stampSQL + `), julianday($3))
		ON CONFLICT (owner, login) DO UPDATE SET stamp = MAX(old.stamp + 1, excluded.stamp), expiry = MAX(old.expiry, excluded.expiry)
		WHERE $4 = 0 OR old.stamp < $4
		RETURNING stamp`
	sweepRevocationsSQL = `DELETE FROM session_revocations WHERE expiry <= julianday('now')`
)

// insertOwned inserts a session of a user.
func (s *Store) insertOwned(ctx context.Context, key string, data []byte, rec session.Record) (inserted bool, err error) {
	if s.closed.Load() {
		return false, problem("insert", session.ErrClosed)
	}
	o := rec.Owner
	var one int
	err = s.db.QueryRowContext(ctx, insertOwnedSQL, key, data, stamp(rec.Expiry), o.User, o.Since, o.Login).Scan(&one)
	if !errors.Is(err, sql.ErrNoRows) {
		return err == nil, problem("insert", err)
	}
	var revoked bool
	err = s.db.QueryRowContext(ctx, askRevokedSQL, o.User, o.Since, o.Login).Scan(&revoked)
	if err == nil && revoked {
		err = session.ErrRevoked
	}
	return false, problem("insert", err)
}

// Stamp implements session.Indexer.
func (s *Store) Stamp(ctx context.Context, user string) (since int64, err error) {
	if s.closed.Load() {
		return 0, problem("stamp", session.ErrClosed)
	}
	err = s.db.QueryRowContext(ctx, stampSQL, user).Scan(&since)
	return since, problem("stamp", err)
}

// Owned implements session.Indexer.
func (s *Store) Owned(ctx context.Context, user string) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) { s.walk(ctx, ownedSQL, []any{user}, yield) }
}

// Revoke implements session.Indexer.
func (s *Store) Revoke(ctx context.Context, r session.Revocation) (since int64, err error) {
	if s.closed.Load() {
		return 0, problem("revoke", session.ErrClosed)
	}
	err = s.db.QueryRowContext(ctx, revokeSQL, r.User, r.Login, stamp(r.Until), r.By).Scan(&since)
	if errors.Is(err, sql.ErrNoRows) {
		err = session.ErrRevoked
	}
	return since + 1, problem("revoke", err)
}
