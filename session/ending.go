package session

import (
	"context"

	"github.com/echoic-go/echoic/cache"
)

// remove ends a session: in the journal first, so that no store that comes back
// with old data brings it back, and then in the store. What is in the journal is
// acknowledged although the store is away, or can only be read: this process
// finds the session no more, others when they hear the journal, and the store is
// told before it is trusted again.
func (m *Manager) remove(ctx context.Context, key string) (removed bool, err error) {
	receipt, err := m.journalEnds(ctx, []cache.Invalidation{{Kind: cache.InvalidSession, Name: key}})
	if err != nil {
		return false, err
	}
	removed, err = m.end(ctx, "remove", key)
	switch {
	case m.cfg.Journal == nil:
		return removed, err
	case err != nil:
		m.logFailure(err)
		return true, nil
	}
	m.cfg.Journal.Applied(ctx, receipt)
	return removed, nil
}

// journalEnds writes down which sessions have ended. From then on this process
// finds them no more.
func (m *Manager) journalEnds(ctx context.Context, list []cache.Invalidation) (receipt cache.Receipt, err error) {
	if m.cfg.Journal == nil {
		return receipt, nil
	}
	within, cancel := context.WithTimeout(ctx, m.cfg.Timeout)
	defer cancel()
	receipt, err = m.cfg.Journal.Append(within, list...)
	if err != nil {
		return receipt, &StoreError{Op: "journal", Err: err}
	}
	m.Observe(ctx, list)
	return receipt, nil
}
