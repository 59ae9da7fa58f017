package session

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// UserSession is one session of a user, as a page may show it. It has no token:
// who sees it cannot use it.
type UserSession struct {
	// ID names it for [Manager.Revoke]. It stays when the token is renewed.
	ID string
	// Current is the session of the request that asks.
	Current bool
	// Created is when the user logged in, Expires when the session ends unless it
	// is used before, Deadline when it ends however busy.
	Created, Expires, Deadline time.Time
	// LastSeen is when it was last used: to the minute where it was changed, to a
	// tenth of IdleTimeout where it was only read, and without an IdleTimeout not
	// later than its last change.
	LastSeen time.Time
	// UserAgent and Address are those of the login: at most 256 and 64 bytes,
	// without control characters. The first is whatever the client said: escape
	// it.
	UserAgent, Address string
}

// mostShown bounds what UserSessions returns.
const mostShown = 1000

// UserSessions returns the sessions of a user, the current one first, then those
// that were used last. It asks an index, not all sessions: those that were logged
// in by [Manager.Login]. Of more than 1000 it returns 1000. The store must be an
// [Indexer].
//
// Whatever is made under ctx is private from then on.
func (m *Manager) UserSessions(ctx context.Context, userID string) ([]UserSession, error) {
	cache.Private(ctx, reason)
	current := m.currentLogin(ctx)
	var all []UserSession
	for entry, err := range m.owned(ctx, userID) {
		if err != nil {
			return nil, err
		}
		deadline, values, err := m.conf().load.Codec.Decode(entry.Data)
		if err != nil {
			continue // expired or unreadable: nobody can use it
		}
		user, l := loginIn(values)
		if user != userID || l.ID == "" {
			continue
		}
		all = append(all, UserSession{
			ID: l.ID, Current: l.ID == current, Created: time.Unix(l.At, 0), Expires: entry.Expiry, Deadline: deadline,
			LastSeen: m.lastSeen(l, entry.Expiry, deadline), UserAgent: l.Agent, Address: l.Address,
		})
		if len(all) >= 2*mostShown {
			all = newest(all)
		}
	}
	return newest(all), nil
}

// newest sorts and cuts.
func newest(all []UserSession) []UserSession {
	slices.SortFunc(all, func(a, b UserSession) int {
		switch {
		case a.Current != b.Current && a.Current:
			return -1
		case a.Current != b.Current:
			return 1
		}
		return cmp.Or(b.LastSeen.Compare(a.LastSeen), b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	// A session that was renewed meanwhile may have been there twice.
	all = slices.CompactFunc(all, func(a, b UserSession) bool { return a.ID == b.ID })
	return all[:min(len(all), mostShown)]
}

// currentLogin returns the ID of the login of ctx, or "".
func (m *Manager) currentLogin(ctx context.Context) string {
	v, err := m.enter(ctx)
	if err != nil {
		return ""
	}
	_, l := v.login(v.view(ctx, 0))
	return l.ID
}

// lastSeen is the later of the last save and of the last time at which the expiry
// was moved, which costs no data.
func (m *Manager) lastSeen(l login, expiry, deadline time.Time) time.Time {
	seen := time.Unix(max(l.At, l.Seen), 0)
	idle := m.conf().save.IdleTimeout
	// At its end the expiry is the deadline, and says nothing.
	if touched := expiry.Add(-idle); idle > 0 && expiry.Before(deadline) && touched.After(seen) {
		return touched.Truncate(time.Second)
	}
	return seen
}

// owned yields what the store has of a user, also marks of what is being taken over,
// which nobody can read, but end.
func (m *Manager) owned(ctx context.Context, userID string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		x, err := m.indexer("list")
		if err != nil {
			yield(Entry{}, err)
			return
		}
		// The store may take its time for many sessions, but not for one step.
		ctx, cancel := context.WithCancelCause(unbudgeted(ctx))
		defer cancel(nil)
		late := time.AfterFunc(m.cfg.Timeout, func() { cancel(context.DeadlineExceeded) })
		defer late.Stop()
		for entry, err := range x.Owned(ctx, userHash(userID)) {
			late.Stop()
			if err != nil {
				yield(Entry{}, &StoreError{Op: "list", Err: cmp.Or(context.Cause(ctx), err)})
				return
			}
			if string(entry.Data) != tombstone && !m.ended.has(entry.Key) && !yield(entry, nil) {
				return
			}
			late.Reset(m.cfg.Timeout)
		}
	}
}

// indexer returns the store as one.
func (m *Manager) indexer(op string) (Indexer, error) {
	conf := m.conf()
	if conf.err != nil {
		return nil, &StoreError{Op: op, Err: conf.err}
	}
	x, ok := conf.store.(Indexer)
	if !ok {
		return nil, errNoIndexer(conf.store)
	}
	return x, nil
}
