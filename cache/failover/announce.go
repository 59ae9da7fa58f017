package failover

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

const (
	// mostNews is how many rows wait for the journal.
	mostNews = 10_000
	// appendTime is what the journal gets for a batch.
	appendTime = time.Second
	// appendPause is after a batch that failed.
	appendPause = 250 * time.Millisecond
	// ownTime is how long a row of ours is expected to be heard.
	ownTime = 10 * time.Second
)

var errNews = errors.New("the journal has more to write than it can")

// announcer writes to the journal, one batch at a time: what comes while one is
// being written goes into the next.
type announcer struct {
	journal cache.Journal // nil: there is none
	wake    chan struct{}

	mu   sync.Mutex
	next *batch
	own  map[string]ownRows // by the name of the key
}

// batch is what is written together.
type batch struct {
	rows []cache.Invalidation // somebody waits for these
	owed []cache.Invalidation // nobody does: they are tried until they are written
	word []cache.Invalidation // what this server says of itself, the last only; tried likewise
	told bool                 // the primary has heard of what is owed
	done chan struct{}
	err  error // after done
}

// ownRows are rows of ours that have not been heard.
type ownRows struct {
	n  int
	at time.Time
}

func newAnnouncer(journal cache.Journal) *announcer {
	a := &announcer{journal: journal, wake: make(chan struct{}, 1), own: make(map[string]ownRows)}
	a.next = newBatch()
	return a
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// all is what the journal gets.
func (b *batch) all() []cache.Invalidation { return slices.Concat(b.word, b.owed, b.rows) }

// write returns when the rows are in the journal.
func (a *announcer) write(ctx context.Context, rows ...cache.Invalidation) error {
	if a.journal == nil || len(rows) == 0 {
		return nil
	}
	a.mu.Lock()
	b := a.next
	if len(b.rows)+len(rows) > mostNews {
		a.mu.Unlock()
		return errNews
	}
	b.rows = append(b.rows, rows...)
	a.expect(rows, 1)
	a.mu.Unlock()
	wake(a.wake)
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// say has the journal take, when it can, what this server says of itself. It takes
// the place of what could not be written so far.
func (a *announcer) say(kind cache.InvalidationKind, server string) {
	if a.journal == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next.word = []cache.Invalidation{{Kind: kind, Name: server}}
	wake(a.wake)
}

// told has the journal take, when it can, what the primary has heard: unless
// others wait for theirs in the same batch, nobody needs to tell it again.
func (a *announcer) told(rows ...cache.Invalidation) {
	if a.journal == nil || len(rows) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next.owed = append(a.next.owed, rows...)
	a.next.told = true
	a.expect(rows, 1)
	a.shorten()
	wake(a.wake)
}

// shorten keeps what is owed bounded: instead of very many keys, all.
func (a *announcer) shorten() {
	if len(a.next.owed) > mostNews {
		a.next.owed = []cache.Invalidation{{Kind: cache.InvalidValues}}
	}
}

// expect counts rows of keys that are to be heard, or, negative, not any more.
func (a *announcer) expect(rows []cache.Invalidation, n int) {
	if len(a.own) > mostNews {
		clear(a.own) // taken for another's: that costs misses
	}
	for _, row := range rows {
		if row.Kind == cache.InvalidKey {
			o := a.own[row.Name]
			a.own[row.Name] = ownRows{max(o.n+n, 0), time.Now()}
		}
	}
}

// mine reports whether a row that was heard is one of ours, each once.
func (a *announcer) mine(row cache.Invalidation) bool {
	if row.Kind != cache.InvalidKey {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	o, ok := a.own[row.Name]
	if !ok {
		return false
	}
	if o.n--; o.n <= 0 {
		delete(a.own, row.Name)
	} else {
		a.own[row.Name] = o
	}
	return o.n >= 0 && time.Since(o.at) < ownTime
}

// run writes batches until ctx has ended.
func (a *announcer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			a.finish(a.take(), errClosed)
			return
		case <-a.wake:
		}
		b := a.take()
		list := b.all()
		if len(list) == 0 {
			continue
		}
		within, cancel := context.WithTimeout(ctx, appendTime)
		receipt, err := a.journal.Append(within, list...)
		if err == nil && b.told && len(b.rows) == 0 {
			a.journal.Applied(within, receipt)
		}
		cancel()
		a.finish(b, err)
		if err != nil {
			pause(ctx, appendPause)
		}
	}
}

func (a *announcer) take() *batch {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.next
	a.next = newBatch()
	return b
}

// finish tells those who wait, and has what is owed tried again after an error.
func (a *announcer) finish(b *batch, err error) {
	if err != nil {
		a.mu.Lock()
		a.expect(b.rows, -1)
		a.next.owed = append(b.owed, a.next.owed...)
		a.next.told = a.next.told || b.told
		a.shorten()
		if len(a.next.word) == 0 {
			a.next.word = b.word
		}
		if len(b.owed)+len(b.word) > 0 {
			wake(a.wake)
		}
		a.mu.Unlock()
	}
	b.err = err
	close(b.done)
}

// pause waits for d, or until ctx has ended.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// names are the plain values of a change as the journal names them.
func (s *Store) names(c *change) []cache.Invalidation {
	var rows []cache.Invalidation
	for i := range c.len() {
		if key := c.at(i); kindOf(s.cfg.Prefix, key) == value {
			rows = append(rows, cache.Invalidation{Kind: cache.InvalidKey, Name: baseOf(key)})
		}
	}
	return rows
}

// announce returns when the journal has the plain values of a change.
func (s *Store) announce(ctx context.Context, c *change) error {
	if s.cfg.Journal == nil {
		return nil
	}
	return s.news.write(ctx, s.names(c)...)
}

// tell has the journal take the plain values of a change, soon.
func (s *Store) tell(c *change) {
	s.news.told(s.names(c)...)
}
