package session

import (
	"context"

	"github.com/echoic-go/echoic/cache"
)

// remove ends a session: in the journal first, so that no store that comes back
// with old data brings it back, and then in the store. What is in the journal is
// acknowledged although the store is away, or can only be read: this process
// finds the session no more, others when they hear the journal, and the store is
// told before it is trusted again. Nobody tells a database: it is asked first, and
// its failure is an error.
func (m *Manager) remove(ctx context.Context, key string) (removed bool, err error) {
	if m.cfg.Journal != nil && deliberate(m.conf().store) {
		n, err := m.removeDurably(ctx, "remove", []string{key})
		return n > 0, err
	}
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

// removeDurably ends sessions in a database, and then says so in the journal, for
// the other servers. What is not in both is not acknowledged.
func (m *Manager) removeDurably(ctx context.Context, op string, keys []string) (ended int, err error) {
	var list []cache.Invalidation
	for _, key := range keys {
		var removed bool
		if removed, err = m.end(ctx, op, key); err != nil {
			break
		}
		if removed {
			ended++
		}
		list = append(list, cache.Invalidation{Kind: cache.InvalidSession, Name: key})
	}
	if len(list) == 0 {
		return 0, err
	}
	receipt, journaled := m.journalEnds(ctx, list)
	if journaled != nil {
		return ended, journaled
	}
	m.cfg.Journal.Applied(ctx, receipt)
	return ended, err
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
