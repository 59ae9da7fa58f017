package redis

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/session"
)

// Whose sessions are whose is in one hash for each user, beside the sessions: a
// session and the hash of its owner are in different slots of a Cluster, so that no
// command can change both. Its fields:
//
//	e         the stamp of the last revocation of all logins
//	l:login   until when that login is revoked, in microseconds
//	s:key     when the session was noted, in microseconds
//
// A session is noted before it is inserted, and again afterwards: the first makes
// it findable from the moment on at which it is there, the second finds out whether
// it was revoked in between. So a Revoke either finds the session, or the session
// finds the Revoke. What is noted and not there is removed by who reads the hash,
// unless it may be about to come.

// indexKey is where the sessions of a user are noted. It does not start as the
// keys of sessions do, which scs lists.
func indexKey(prefix, user string) string {
	return strings.TrimSuffix(prefix, ":") + "-by-user:" + user
}

const (
	// remembers makes the hash live for ARGV[1] milliseconds at least.
	remembers = `
local left = redis.call('PTTL', KEYS[1])
if left < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
`
	// clock is the time in microseconds, and the stamp of the last revocation.
	clock = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local e = tonumber(redis.call('HGET', KEYS[1], 'e') or '0')
`
	// noteScript notes session ARGV[4] of login ARGV[3] with stamp ARGV[2], unless
	// it was revoked. It returns how many fields there are, or 0.
	noteScript = clock + `
if e >= tonumber(ARGV[2]) or redis.call('HEXISTS', KEYS[1], 'l:' .. ARGV[3]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 's:' .. ARGV[4], string.format('%.0f', now))
` + remembers + `return redis.call('HLEN', KEYS[1])`

	stampScript = clock + `return math.max(now, e + 1)`

	// revokeScript revokes login ARGV[2], or all if it is empty, unless the stamp
	// ARGV[3] was revoked before. It returns the stamp of a login that begins now, or
	// 0.
	revokeScript = clock + `
if ARGV[2] ~= '' then
	redis.call('HSET', KEYS[1], 'l:' .. ARGV[2], string.format('%.0f', now + ARGV[1] * 1000))
else
	local by = tonumber(ARGV[3])
	if by > 0 and e >= by then return 0 end
	e = math.max(now, e + 1)
	redis.call('HSET', KEYS[1], 'e', string.format('%.0f', e))
end
` + remembers + `return math.max(now, e + 1)`

	// dropScript removes fields that are still as they were read: name and value in
	// turn. What was noted within ARGV[1] microseconds stays.
	dropScript = clock + `
for i = 2, #ARGV, 2 do
	if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] and tonumber(ARGV[i + 1]) + ARGV[1] < now then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return 1`
)

const (
	// grace is how long what is noted may be on its way.
	grace = time.Minute
	// crowded is the number of fields from which on who adds one cleans up, now
	// and then.
	crowded = 128
	// indexPage is how many sessions are read at a time.
	indexPage = 500
)

// index is what both kinds of store have to be able to do.
type index interface {
	// run runs a script that changes nothing but key.
	run(ctx context.Context, op, script, key string, args ...any) (int64, error)
	// fields returns a whole hash.
	fields(ctx context.Context, key string) (map[string]string, error)
	// several reads sessions. What is absent is nil.
	several(ctx context.Context, keys []string) ([]*session.Record, error)
	// userKey is the hash of a user.
	userKey(user string) string
	// plain inserts without noting.
	plain(ctx context.Context, key string, rec session.Record) (bool, error)
	Remove(ctx context.Context, key string) (bool, error)
}

// insertOwned inserts a session of a user.
func insertOwned(ctx context.Context, x index, key string, rec session.Record) (inserted bool, err error) {
	n, err := note(ctx, x, "insert", key, rec.Owner)
	if err != nil {
		return false, err
	}
	if n > crowded && n%(crowded/2) == 0 {
		for range owned(ctx, x, rec.Owner.User) { // which cleans up
		}
	}
	if inserted, err = x.plain(ctx, key, rec); err != nil || !inserted {
		return inserted, err
	}
	if _, err = note(ctx, x, "insert", key, rec.Owner); err != nil {
		// Nobody has its token yet.
		_, _ = x.Remove(context.WithoutCancel(ctx), key)
	}
	return err == nil, err
}

// note notes a session that is there or about to be.
func note(ctx context.Context, x index, op, key string, o session.Owner) (fields int64, err error) {
	fields, err = x.run(ctx, op, noteScript, x.userKey(o.User), millis(o.Until)+grace.Milliseconds(), o.Since, o.Login, key)
	if err == nil && fields == 0 {
		err = fmt.Errorf("session/redis: %s: %w", op, session.ErrRevoked)
	}
	return fields, err
}

// prolong notes a session again whose end has moved. That it was revoked does not
// matter: it is removed by who revoked it.
func prolong(ctx context.Context, x index, key string, o session.Owner) error {
	if o.User == "" {
		return nil
	}
	_, err := note(ctx, x, "update", key, o)
	if errors.Is(err, session.ErrRevoked) {
		return nil
	}
	return err
}

func revoke(ctx context.Context, x index, r session.Revocation) (since int64, err error) {
	since, err = x.run(ctx, "revoke", revokeScript, x.userKey(r.User), millis(r.Until), r.Login, r.By)
	if err == nil && since == 0 {
		err = fmt.Errorf("session/redis: revoke: %w", session.ErrRevoked)
	}
	return since, err
}

// owned yields the sessions of a user, and removes from the hash what is there no
// more.
func owned(ctx context.Context, x index, user string) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		noted, err := x.fields(ctx, x.userKey(user))
		if err != nil {
			yield(session.Entry{}, err)
			return
		}
		var keys []string
		stale := []any{grace.Microseconds()}
		for field, value := range noted {
			switch key, ok := strings.CutPrefix(field, "s:"); {
			case ok:
				keys = append(keys, key)
			case strings.HasPrefix(field, "l:"):
				stale = append(stale, field, value) // if it is over, by the script
			}
		}
		for len(keys) > 0 {
			page := keys[:min(len(keys), indexPage)]
			keys = keys[len(page):]
			records, err := x.several(ctx, page)
			if err != nil {
				yield(session.Entry{}, err)
				return
			}
			for i, rec := range records {
				if rec == nil {
					stale = append(stale, "s:"+page[i], noted["s:"+page[i]])
				} else if !yield(session.Entry{Key: page[i], Record: *rec}, nil) {
					return
				}
			}
		}
		if len(stale) > 1 {
			// What could not be removed is removed another time.
			_, _ = x.run(ctx, "clean up", dropScript, x.userKey(user), stale...)
		}
	}
}

var _ session.Indexer = (*Store)(nil)

// Stamp implements session.Indexer.
func (s *Store) Stamp(ctx context.Context, user string) (since int64, err error) {
	return s.run(ctx, "stamp", stampScript, s.userKey(user))
}

// Owned implements session.Indexer.
func (s *Store) Owned(ctx context.Context, user string) iter.Seq2[session.Entry, error] {
	return owned(ctx, s, user)
}

// Revoke implements session.Indexer.
func (s *Store) Revoke(ctx context.Context, r session.Revocation) (since int64, err error) {
	return revoke(ctx, s, r)
}

func (s *Store) userKey(user string) string { return indexKey(s.prefix, user) }

func (s *Store) run(ctx context.Context, op, script, key string, args ...any) (n int64, err error) {
	err = s.do(ctx, op, func(c conn) (err error) {
		n, err = redis.Int64(c.ask("EVAL", append([]any{script, 1, key}, args...)...))
		return err
	})
	return n, err
}

func (s *Store) fields(ctx context.Context, key string) (fields map[string]string, err error) {
	err = s.do(ctx, "list", func(c conn) (err error) {
		fields, err = redis.StringMap(c.ask("HGETALL", key))
		return err
	})
	return fields, err
}

func (s *Store) several(ctx context.Context, keys []string) (records []*session.Record, err error) {
	full := make([]string, len(keys))
	for i, key := range keys {
		full[i] = s.prefix + key
	}
	err = s.do(ctx, "list", func(c conn) (err error) {
		records, err = c.records(full)
		return err
	})
	return records, err
}

// text is an argument of a script as rueidis wants it.
func text(arg any) string {
	switch arg := arg.(type) {
	case string:
		return arg
	case int64:
		return strconv.FormatInt(arg, 10)
	}
	return fmt.Sprint(arg)
}
