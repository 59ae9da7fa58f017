package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"
)

// bridge is the store that scs sees. It turns scs's blind calls into those of
// a [Store], with what is known about the session of the request.
type bridge struct{ m *Manager }

var (
	_ scs.CtxStore         = (*bridge)(nil)
	_ scs.IterableCtxStore = (*bridge)(nil)
)

// FindCtx serves MergeSession, and Load of the embedded manager.
func (b *bridge) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if !wellFormed(token) {
		return nil, false, nil
	}
	rec, found, err := b.m.find(ctx, token)
	return rec.Data, found, err
}

// CommitCtx saves the session of ctx.
func (b *bridge) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	v := b.m.visit(ctx)
	if v == nil {
		return ErrUnmanaged
	}
	purpose, ours := ctx.Value(purposeKey{}).(purpose)
	if !ours {
		purpose = overwriting
	}
	return v.save(ctx, token, Record{Data: data, Expiry: expiry}, purpose)
}

// DeleteCtx removes the session of ctx, or the one that is merged into it.
func (b *bridge) DeleteCtx(ctx context.Context, token string) error {
	v := b.m.visit(ctx)
	switch {
	case v != nil:
		purpose, _ := ctx.Value(purposeKey{}).(purpose)
		return v.remove(ctx, token, purpose)
	case !wellFormed(token):
		return nil
	}
	_, err := b.m.remove(ctx, b.m.conf().storeKey(token))
	return err
}

// AllCtx serves Iterate of the embedded manager.
func (b *bridge) AllCtx(ctx context.Context) (map[string][]byte, error) {
	all := make(map[string][]byte)
	for entry, err := range b.m.each(ctx) {
		if err != nil {
			return nil, err
		}
		all[entry.Key] = entry.Data
	}
	return all, nil
}

// Find is FindCtx without a context, for the interface of scs.
func (b *bridge) Find(token string) ([]byte, bool, error) {
	return b.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context, and so without a session to save.
func (b *bridge) Commit(string, []byte, time.Time) error { return ErrUnmanaged }

// Delete is DeleteCtx without a context, for the interface of scs.
func (b *bridge) Delete(token string) error { return b.DeleteCtx(context.Background(), token) }

// loader is the store of the manager that loads: it notes under which key and
// until when the session is stored.
type loader struct{ bridge }

// FindCtx loads the session of ctx.
func (l *loader) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	v := l.m.visit(ctx)
	if v.listed != nil {
		v.row = row{token: token, key: v.listed.Key, expiry: v.listed.Expiry}
		v.saved = v.listed.Data
		return v.listed.Data, true, nil
	}
	rec, found, err := l.m.find(ctx, token)
	if found {
		v.row, v.saved = row{token: token, key: l.m.conf().storeKey(token), expiry: rec.Expiry}, rec.Data
	}
	return rec.Data, found, err
}

// The calls of the store, each with its own deadline.

func (m *Manager) fetch(ctx context.Context, key string) (rec Record, found bool, err error) {
	err = m.ask(ctx, opLoad, func(ctx context.Context, s Store) (err error) {
		rec, found, err = s.Fetch(ctx, key)
		return err
	})
	if m.ended.has(key) || string(rec.Data) == tombstone { // after the read: it may have ended meanwhile
		return Record{}, false, err
	}
	return rec, found && err == nil, err
}

func (m *Manager) insert(ctx context.Context, key string, rec Record) (inserted bool, err error) {
	err = m.ask(ctx, "insert", func(ctx context.Context, s Store) (err error) {
		inserted, err = s.Insert(ctx, key, rec)
		return err
	})
	return inserted, err
}

func (m *Manager) update(ctx context.Context, key string, rec Record) (updated bool, err error) {
	if m.ended.has(key) {
		return false, nil
	}
	op := "update"
	if rec.Data == nil {
		op = opTouch
	}
	err = m.ask(ctx, op, func(ctx context.Context, s Store) (err error) {
		updated, err = s.Update(ctx, key, rec)
		return err
	})
	return updated, err
}

// The calls that no client waits to have acknowledged.
const (
	opLoad  = "load"
	opTouch = "touch"

	opRevoke  = "revoke"  // of any number of sessions
	opMigrate = "migrate" // which is not to be left half done
)

// ask bounds one call of the store and makes its failure a *StoreError.
func (m *Manager) ask(ctx context.Context, op string, call func(context.Context, Store) error) error {
	conf := m.conf()
	if conf.err != nil {
		return &StoreError{Op: op, Err: conf.err}
	}
	if op == opRevoke || op == opMigrate {
		ctx = unbudgeted(ctx)
	}
	within, done, err := m.spend(ctx, unhurried(op, conf.store))
	if err != nil {
		return &StoreError{Op: op, Err: err}
	}
	defer done()
	if err := call(within, conf.store); err != nil {
		return &StoreError{Op: op, Err: err}
	}
	return nil
}

// errTaken cannot happen with tokens of 256 random bits; it is here so that a
// broken source of randomness never hands one visitor the session of another.
var errTaken = errors.New("session: a new token is in use already: check the system's source of random numbers")

// errNoLister is Iterate on a store that has no means for it.
func errNoLister(s Store) error {
	return fmt.Errorf("session: store %T cannot list sessions: it does not implement session.Lister", s)
}
