package database

import "strings"

// words are what Postgres and SQLite say differently.
type words struct {
	now    string // whole milliseconds since 1970
	among  string // $1 holds key
	locked string // the same, and rows are locked in the order of their keys
	digits string // column value is a canonical 64-bit integer
	fits   string // … and so is the sum of it and $2; only asked if digits
	sum    string // that sum, as digits
	purge  string // keys of at most $1 rows that have expired
	cull   string // keys of the first min($2, rows - $1) rows to go
}

// statements are the SQL of a Store. Rows that have expired are not there for
// any of them. A lifetime is a parameter in milliseconds, and NULL is for ever:
// NULL plus a number is NULL. Every {now} of a statement is the same instant.
type statements struct {
	get, getMany                   string
	set, setIfAbsent, setIfPresent string
	remove                         string
	touch, ttl                     string
	incr, incrCreate               string
	swap, swapOut                  string
	page                           string
	purge                          string
	count                          string
}

const (
	// alive has no table's name in front: SQLite does not know the short one
	// in RETURNING.
	alive = "(expires_at IS NULL OR expires_at > {now})"
	// over is asked where a row and the one that would be inserted meet.
	over = "c.expires_at <= excluded.written_at"

	insertInto = `INSERT INTO {table} AS c (key, value, expires_at, written_at)`
	overwrite  = `ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, written_at = excluded.written_at`

	upsert = insertInto + ` VALUES ($1, $2, {now} + $3, {now}) ` + overwrite

	cullRows = `DELETE FROM {table} WHERE key {cull}`

	summable = "CASE WHEN {digits} THEN {fits} ELSE false END"
)

// fill replaces what stands in braces.
func (w words) fill(t table, text string) string {
	text = strings.NewReplacer("{among}", w.among, "{locked}", w.locked, "{purge}", w.purge, "{cull}", w.cull,
		"{alive}", alive, "{over}", over, "{summable}", summable).Replace(text)
	text = strings.NewReplacer("{digits}", w.digits, "{fits}", w.fits, "{sum}", w.sum).Replace(text)
	return strings.NewReplacer("{table}", t.String(), "{now}", w.now).Replace(text)
}

func newStatements(t table, w words) statements {
	fill := func(text string) string { return w.fill(t, text) }
	return statements{
		get:     fill(`SELECT value FROM {table} WHERE key = $1 AND {alive}`),
		getMany: fill(`SELECT key, value FROM {table} WHERE {among} AND {alive}`),

		set:          fill(upsert),
		setIfAbsent:  fill(upsert + ` WHERE {over}`),
		setIfPresent: fill(`UPDATE {table} SET value = $2, expires_at = {now} + $3, written_at = {now} WHERE key = $1 AND {alive}`),

		remove: fill(`DELETE FROM {table} WHERE {locked} RETURNING {alive}`),

		touch: fill(`UPDATE {table} SET expires_at = {now} + $2, written_at = {now} WHERE key = $1 AND {alive}`),
		ttl:   fill(`SELECT expires_at - {now} FROM {table} WHERE key = $1 AND {alive}`),

		incr: fill(`UPDATE {table} AS c SET value = {sum}, written_at = {now} WHERE c.key = $1 AND {alive} AND {summable} RETURNING value`),
		incrCreate: fill(`INSERT INTO {table} AS c (key, value, expires_at, written_at) VALUES ($1, $3, {now} + $4, {now})
			ON CONFLICT (key) DO UPDATE SET
				value = CASE WHEN {over} THEN excluded.value ELSE {sum} END,
				expires_at = CASE WHEN {over} THEN excluded.expires_at ELSE c.expires_at END,
				written_at = excluded.written_at
			WHERE CASE WHEN {over} THEN true ELSE {summable} END RETURNING value`),

		swap:    fill(`UPDATE {table} SET value = $3, expires_at = {now} + $4, written_at = {now} WHERE key = $1 AND value = $2 AND {alive}`),
		swapOut: fill(`DELETE FROM {table} WHERE key = $1 AND value = $2 AND {alive}`),

		page: fill(`SELECT key FROM {table} WHERE key >= $1 AND key < $2 AND {alive} ORDER BY key LIMIT $3`),

		count: fill(`SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT $1) AS counted`),

		purge: fill(`DELETE FROM {table} WHERE key {purge} AND expires_at <= {now}`),
	}
}
