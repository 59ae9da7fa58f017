package session

import (
	"context"
	"iter"

	"github.com/echoic-go/echoic/cache"
)

// Iterate calls fn with a context for each session in the store, until fn
// returns an error, which it returns. Under that context the session can be
// read, destroyed, and saved with Commit. Sessions that cannot be read are left
// out and logged. One that changes meanwhile may come twice or not at all. The
// store must be a [Lister].
//
// Whatever is made under ctx is private from then on.
func (m *Manager) Iterate(ctx context.Context, fn func(context.Context) error) error {
	cache.Private(ctx, reason)
	for entry, err := range m.each(ctx) {
		if err != nil {
			return err
		}
		v := &visit{Context: ctx, m: m, loaded: &loaded{listed: &entry}}
		if err := v.load(); err != nil {
			return err
		}
		if v.row.token == "" {
			continue // expired or unreadable
		}
		if err := fn(v); err != nil {
			return err
		}
	}
	return nil
}

// each yields the sessions of the store.
func (m *Manager) each(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		conf := m.conf()
		if conf.err != nil {
			yield(Entry{}, &StoreError{Op: "list", Err: conf.err})
			return
		}
		lister, ok := conf.store.(Lister)
		if !ok {
			yield(Entry{}, errNoLister(conf.store))
			return
		}
		for entry, err := range lister.Each(ctx) {
			if err != nil {
				yield(Entry{}, &StoreError{Op: "list", Err: err})
				return
			}
			if isSession(entry.Data) && !yield(entry, nil) {
				return
			}
		}
	}
}

// unstorable keeps what is made under ctx out of the cache: it was made without
// the session that it asked for.
func unstorable(ctx context.Context) {
	cache.ScopeOf(ctx).Unstorable("session store failed")
}
