package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"time"
)

// errConflict is a save of a session that another request changed since it was
// loaded. It does not leave the package.
var errConflict = errors.New("session: changed by another request meanwhile")

const (
	// quickTries come right after each other; they are enough but for a
	// session that very many requests change at once.
	quickTries = 3
	// mostTries bounds those that wait in between, and with them the request.
	mostTries = 48
	// longestPause is between two of these.
	longestPause = 20 * time.Millisecond
)

// commit saves the session. If another request has changed it since it was
// loaded, what this one changed is replayed on that, key by key: for a key that
// both changed the last one wins.
func (v *visit) commit(ctx context.Context) (token string, expiry time.Time, err error) {
	v.see(ctx)
	v.noteEnd(ctx)
	for n := range mostTries {
		token, expiry, err = v.m.conf().save.Commit(ctx)
		if !errors.Is(err, errConflict) {
			return token, expiry, err
		}
		if n >= quickTries {
			if err := pause(ctx, min(time.Duration(n)*time.Millisecond, longestPause)); err != nil {
				return "", time.Time{}, &StoreError{Op: "update", Err: err}
			}
		}
		if err := v.rebase(ctx); err != nil {
			return "", time.Time{}, err
		}
	}
	return "", time.Time{}, &StoreError{Op: "update", Err: errConflict}
}

// pause waits for a random time, so that requests do not meet again and again.
func pause(ctx context.Context, longest time.Duration) error {
	timer := time.NewTimer(rand.N(longest) + 1)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rebase takes over what others changed since the session was loaded, but for
// the keys that this request changed too.
func (v *visit) rebase(ctx context.Context) error {
	v.mu.Lock()
	key, loaded := v.row.key, v.saved
	v.mu.Unlock()
	rec, found, err := v.m.fetch(ctx, key)
	if err != nil {
		return err
	}
	codec := v.m.conf().load.Codec
	wasUntil, was, err := codec.Decode(loaded)
	until, theirs, theirErr := codec.Decode(rec.Data)
	switch {
	case !found, errors.Is(err, errExpired), errors.Is(theirErr, errExpired):
		v.mu.Lock()
		defer v.mu.Unlock()
		v.gone = true
		return ErrSessionGone
	case err != nil:
		return err
	case theirErr != nil:
		return theirErr
	}
	mine := !v.terms(ctx).sameCookie(v.was)
	v.adopt(ctx, was, theirs)
	if own := v.m.SessionManager; own.Deadline(ctx).Equal(wasUntil) {
		own.SetDeadline(ctx, until)
	}
	if !mine {
		v.was = v.terms(ctx) // whose cookie another request has sent
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.saved, v.row.expiry, v.wrote = rec.Data, rec.Expiry, false
	return nil
}

// adopt sets each key that has not changed here since was to its value in theirs.
func (v *visit) adopt(ctx context.Context, was, theirs map[string]any) {
	own := v.m.SessionManager
	untouched := func(key string) bool {
		before, had := was[key]
		return own.Exists(ctx, key) == had && reflect.DeepEqual(own.Get(ctx, key), before)
	}
	for key, value := range theirs {
		if untouched(key) {
			own.Put(ctx, key, value)
		}
	}
	for key := range was {
		if _, still := theirs[key]; !still && untouched(key) {
			own.Remove(ctx, key)
		}
	}
}

// replace saves rec over what was loaded. Where the store cannot compare, the
// last one wins as a whole. It is called with the lock held.
func (v *visit) replace(ctx context.Context, rec Record, p purpose) (replaced bool, err error) {
	swapper, ok := v.m.conf().store.(Swapper)
	switch {
	case !ok || v.saved == nil:
		return v.m.update(ctx, v.row.key, rec)
	case p == overwriting && v.m.conf().migrate == nil:
		return v.m.update(ctx, v.row.key, rec)
	}
	if v.m.ended.has(v.row.key) {
		return false, nil
	}
	err = v.m.ask(ctx, "update", func(ctx context.Context, _ Store) (err error) {
		replaced, err = swapper.Swap(ctx, v.row.key, v.saved, rec)
		return err
	})
	switch {
	case err != nil || replaced:
		return replaced, err
	case p != overwriting:
		return false, errConflict // or it has ended: rebase finds out
	}
	// An update would take a tombstone for a session.
	now, found, err := v.m.fetch(ctx, v.row.key)
	if err != nil || !found {
		return false, err
	}
	v.saved = now.Data
	err = v.m.ask(ctx, "update", func(ctx context.Context, _ Store) (err error) {
		replaced, err = swapper.Swap(ctx, v.row.key, v.saved, rec)
		return err
	})
	if err == nil && !replaced {
		err = &StoreError{Op: "update", Err: errConflict}
	}
	return replaced, err
}
