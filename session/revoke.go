package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Revoke ends sessions of a user, on whatever device: those with the IDs, which
// [Manager.UserSessions] gave, or without IDs all. It returns how many there were.
// What began before is gone when it returns: also a session whose token is being
// renewed, and a login that is under way. Who logs in afterwards gets in.
//
// Call it without IDs when a password has changed, and [Manager.Login] after it for
// the one who changed it, or call [Manager.RevokeOthers]. An ID of another user's
// session ends nothing. The store must be an [Indexer].
//
// What was revoked is in the journal before it is acknowledged, as with
// [Manager.Logout]. After an error some may have ended: call it again.
func (m *Manager) Revoke(ctx context.Context, userID string, ids ...string) (ended int, err error) {
	if userID == "" {
		return 0, errors.New("session: Revoke with an empty user ID: pass what Login was called with")
	}
	if len(ids) == 0 {
		since, err := m.revoke(ctx, Revocation{User: userHash(userID)})
		if err != nil {
			return 0, err
		}
		return m.endOwned(ctx, userID, func(l login) bool { return l.Since < since })
	}
	meant := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !nameable(id) {
			continue // nobody has it
		}
		meant[id] = true
		if _, err := m.revoke(ctx, Revocation{User: userHash(userID), Login: id}); err != nil {
			return 0, err
		}
	}
	return m.endOwned(ctx, userID, func(l login) bool { return meant[l.ID] })
}

// RevokeOthers ends all sessions of the user of ctx but this one, which gets a new
// token: who may have the old one has nothing. It returns how many there were, and
// [ErrSessionGone] if this one has ended meanwhile: by itself, then the others have
// ended too, or by a revocation, then that counts and nothing was done.
func (m *Manager) RevokeOthers(ctx context.Context) (ended int, err error) {
	v, err := m.enter(ctx)
	if err != nil {
		return 0, err
	}
	own := v.view(ctx, 0)
	user, l := v.login(own)
	switch {
	case v.ended():
		return 0, ErrSessionGone
	case user == "":
		return 0, errors.New("session: RevokeOthers without a user: call it where Login has been called")
	}
	since, err := m.revoke(ctx, Revocation{User: userHash(user), By: l.Since})
	if errors.Is(err, ErrRevoked) {
		v.mu.Lock()
		v.gone = true
		v.mu.Unlock()
		return 0, ErrSessionGone
	}
	if err != nil {
		return 0, err
	}
	renewed := v.relogin(ctx, l, since)
	ended, err = m.endOwned(ctx, user, func(other login) bool { return other.Since < since })
	return ended, errors.Join(renewed, err)
}

// relogin gives the session a new token and the stamp since; it is the same login.
func (v *visit) relogin(ctx context.Context, l login, since int64) error {
	own, scs := v.view(ctx, 0), v.m.SessionManager
	deadline := scs.Deadline(own)
	if err := v.m.RenewToken(ctx); err != nil {
		return err
	}
	scs.SetDeadline(own, deadline)
	if l.ID == "" {
		l = v.newLogin(since)
	}
	l.Since = since
	scs.Put(own, loginKey, l.text())
	return nil
}

// nameable reports whether id can be that of a login.
func nameable(id string) bool {
	if len(id) != 22 {
		return false
	}
	return wellFormed(id + "AAAAAAAAAAAAAAAAAAAAA"[:tokenLength-22])
}

// rememberRevoked is how long a revocation is remembered at least: longer than a
// request lasts that began before it.
const rememberRevoked = 24 * time.Hour

// revoke tells the store which logins may not be inserted any more.
func (m *Manager) revoke(ctx context.Context, r Revocation) (since int64, err error) {
	x, err := m.indexer(opRevoke)
	if err != nil {
		return 0, err
	}
	r.Until = time.Now().Add(max(m.conf().save.Lifetime, rememberRevoked))
	err = m.ask(ctx, opRevoke, func(ctx context.Context, _ Store) (err error) {
		since, err = x.Revoke(ctx, r)
		return err
	})
	return since, err
}

// stamp returns that of a login which begins now; zero if the store has none.
func (m *Manager) stamp(ctx context.Context, userID string) (since int64, err error) {
	x, err := m.indexer("stamp")
	var failed *StoreError
	switch {
	case errors.As(err, &failed):
		return 0, err
	case err != nil:
		return 0, nil
	}
	err = m.ask(ctx, "stamp", func(ctx context.Context, _ Store) (err error) {
		since, err = x.Stamp(ctx, userHash(userID))
		return err
	})
	return since, err
}

// endBatch is how many sessions are ended with one entry in the journal.
const endBatch = 200

// endOwned ends those sessions of a user that are meant, whether or not they can
// be read.
func (m *Manager) endOwned(ctx context.Context, userID string, meant func(login) bool) (ended int, err error) {
	var keys []string
	for entry, err := range m.owned(ctx, userID) {
		if err != nil {
			return ended, err
		}
		_, values, err := m.conf().load.Codec.Decode(entry.Data)
		user, l := loginIn(values)
		if err == nil && (user != userID || !meant(l)) || err != nil && !meant(login{}) {
			continue
		}
		if keys = append(keys, entry.Key); len(keys) < endBatch {
			continue
		}
		n, err := m.removeAll(ctx, keys)
		if ended += n; err != nil {
			return ended, err
		}
		keys = keys[:0]
	}
	n, err := m.removeAll(ctx, keys)
	return ended + n, err
}

// removeAll ends sessions as remove does one.
func (m *Manager) removeAll(ctx context.Context, keys []string) (ended int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	if m.cfg.Journal != nil && deliberate(m.conf().store) {
		return m.removeDurably(ctx, opRevoke, keys)
	}
	list := make([]cache.Invalidation, len(keys))
	for i, key := range keys {
		list[i] = cache.Invalidation{Kind: cache.InvalidSession, Name: key}
	}
	receipt, err := m.journalEnds(ctx, list)
	if err != nil {
		return 0, err
	}
	var failed error
	for _, key := range keys {
		removed, err := m.end(ctx, opRevoke, key)
		if removed || err != nil && m.cfg.Journal != nil {
			ended++
		}
		if err != nil {
			failed = err
		}
	}
	switch {
	case failed == nil && m.cfg.Journal != nil:
		m.cfg.Journal.Applied(ctx, receipt)
	case failed != nil && m.cfg.Journal != nil:
		m.logFailure(failed) // the journal has it
	default:
		return ended, failed
	}
	return ended, nil
}

// errNoIndexer is UserSessions or Revoke on a store that has no means for it.
func errNoIndexer(s Store) error {
	return fmt.Errorf("session: store %T does not know whose sessions it keeps: it does not implement session.Indexer", s)
}
