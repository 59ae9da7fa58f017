package session

import (
	"context"
	"errors"
	"time"
)

// row is a stored session that this request loaded or wrote.
type row struct {
	token  string // empty: none
	key    string
	expiry time.Time
}

// save writes the session. A new token is inserted; the one that was loaded is
// updated, and if it is not there any more the session has ended.
func (v *visit) save(ctx context.Context, token string, rec Record, p purpose) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.gone:
		return ErrSessionGone
	case token != v.row.token:
		return v.insert(ctx, token, rec)
	case p == belated && v.wrote && string(rec.Data) == string(v.saved):
		return nil
	}
	rec.Owner = v.prolonged
	updated, err := v.replace(ctx, rec, p)
	switch {
	case err != nil:
		return err
	case !updated:
		v.gone = true
		return ErrSessionGone
	}
	v.row.expiry, v.saved, v.wrote = rec.Expiry, rec.Data, true
	return nil
}

// insert is called with the lock held.
func (v *visit) insert(ctx context.Context, token string, rec Record) error {
	key := v.m.conf().storeKey(token)
	rec.Owner = v.m.ownerIn(rec.Data)
	inserted, err := v.m.insert(ctx, key, rec)
	switch {
	case errors.Is(err, ErrRevoked):
		v.gone = true
		return ErrSessionGone
	case err != nil:
		return err
	case !inserted:
		return errTaken
	}
	v.row, v.saved, v.wrote = row{token: token, key: key, expiry: rec.Expiry}, rec.Data, true
	return nil
}

// remove deletes the session under token: that of the request, or another one.
func (v *visit) remove(ctx context.Context, token string, p purpose) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p == restarting || token == "" {
		return nil
	}
	if token != v.row.token {
		return v.removeOther(ctx, token, p)
	}
	removed, err := v.m.remove(ctx, v.row.key)
	if err != nil {
		return err
	}
	v.row = row{}
	if removed {
		v.removed = v.removed || p != renewing
		return nil
	}
	v.gone = true
	if p == renewing {
		return ErrSessionGone
	}
	return nil
}

// removeOther is called with the lock held, for a token that is not stored for
// this request: a new one, or the source of a merge by the embedded manager.
func (v *visit) removeOther(ctx context.Context, token string, p purpose) error {
	if p != 0 || !wellFormed(token) {
		return nil
	}
	removed, err := v.m.remove(ctx, v.m.conf().storeKey(token))
	if err == nil && !removed {
		// What was merged from it belongs to a session that has ended.
		v.gone = true
		return ErrSessionGone
	}
	return err
}
