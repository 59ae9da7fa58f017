package journal

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// mostMemory bounds the rows of a journal in memory. More are forgotten before
// their time.
const mostMemory = 100_000

// memory is the engine without a database.
type memory struct {
	journal Identity
	wake    chan struct{} // holds one if something was appended

	mu     sync.Mutex
	rows   []Row // by ID, without gaps
	last   int64
	pruned int64
}

func newMemory() *memory {
	m := &memory{wake: make(chan struct{}, 1)}
	rand.Read(m.journal[:]) // never fails
	return m
}

func (m *memory) append(_ context.Context, list []cache.Invalidation) (transaction uint64, ids []int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for _, invalidation := range list {
		m.last++
		m.rows = append(m.rows, Row{ID: m.last, Invalidation: invalidation, Created: now, Own: true})
		ids = append(ids, m.last)
	}
	if excess := len(m.rows) - mostMemory; excess > 0 {
		m.remove(excess + mostMemory/10)
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return 0, ids, nil
}

func (m *memory) remove(n int) {
	n = min(n, len(m.rows))
	if n > 0 {
		m.pruned = m.rows[n-1].ID
		m.rows = slices.Clone(m.rows[n:])
	}
}

// behind returns the rows after one.
func (m *memory) behind(id int64) []Row {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rows[m.from(id):]
}

// from is the index of the first row after one.
func (m *memory) from(id int64) int {
	return int(min(max(id-m.last+int64(len(m.rows)), 0), int64(len(m.rows))))
}

func (m *memory) read(ctx context.Context, after Position, kind cache.InvalidationKind, limit int) (page, error) {
	p := page{horizon: newest}
	for _, row := range m.behind(after.ID) {
		if (kind == 0 || row.Kind == kind) && len(p.rows) < limit {
			p.rows = append(p.rows, row)
		}
	}
	return p, ctx.Err()
}

func (m *memory) look(ctx context.Context, about Position) (knowledge, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return knowledge{
		journal: m.journal, pruned: Position{ID: m.pruned}, end: Position{ID: m.last},
		known: about.Transaction == 0 && about.ID > m.pruned && about.ID <= m.last,
	}, ctx.Err()
}

func (m *memory) count(_ context.Context, most int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return min(len(m.rows), most), nil
}

// renew has no reason: nothing gets lost in here.
func (m *memory) renew(context.Context, Identity) error { return nil }

func (m *memory) prune(ctx context.Context, age time.Duration, batch int) (removed int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	oldest := time.Now().Add(-age)
	for removed < min(batch, len(m.rows)) && m.rows[removed].Created.Before(oldest) {
		removed++
	}
	m.remove(removed)
	return removed, ctx.Err()
}

func (m *memory) create(ctx context.Context) error { return ctx.Err() }
func (m *memory) schema() string                   { return "" }
func (m *memory) noTable(error) bool               { return false }
func (m *memory) close() error                     { return nil }

func (m *memory) follow(context.Context) (feed, error) { return &memoryFeed{engine: m}, nil }

// memoryFeed follows the rows in memory.
type memoryFeed struct {
	engine *memory
	begun  bool
	last   int64
}

func (f *memoryFeed) next(ctx context.Context, after Position, each func([]Row)) (horizon uint64, err error) {
	if !f.begun {
		f.begun, f.last = true, after.ID
	}
	if rows := slices.Clone(f.engine.behind(f.last)); len(rows) > 0 {
		f.last = rows[len(rows)-1].ID
		each(rows)
	}
	return newest, ctx.Err()
}

func (f *memoryFeed) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	case <-f.engine.wake:
	}
	return nil
}

func (f *memoryFeed) close() {}
