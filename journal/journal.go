package journal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Journal is the log of one domain's invalidations. It is made by [Open],
// [NewPostgres], [NewSQLite] or [NewMemory], and is safe for concurrent use, by
// any number of servers too.
type Journal struct {
	engine  engine
	table   table
	durable bool
	batch   *batcher
	tail    *tail
	pruner  *pruner
	outbox  outbox

	subscribers list[func([]Row)]
	appliers    list[func(cache.Receipt)]

	gate   sync.RWMutex // held for reading by every call
	closed atomic.Bool
	once   sync.Once
	err    error // of Close
}

var _ cache.Journal = (*Journal)(nil)

// newOrigin is a number by which a Journal knows its own rows.
func newOrigin() int64 { return rand.Int64() }

func newJournal(cfg Config, t table, e engine, out outbox) *Journal {
	j := &Journal{engine: e, table: t, durable: true, outbox: out}
	j.batch = &batcher{write: e.append}
	j.tail = newTail(j, cfg)
	j.pruner = &pruner{journal: j, age: cfg.Retention, interval: cfg.PruneInterval, logger: cfg.Logger}
	return j
}

// enter begins a call. Where it fails, leave must not be called.
func (j *Journal) enter() error {
	if j.closed.Load() { // before the gate, where Close may be waiting for slow calls
		return errClosed
	}
	j.gate.RLock()
	if j.closed.Load() {
		j.gate.RUnlock()
		return errClosed
	}
	return nil
}

func (j *Journal) leave() { j.gate.RUnlock() }

// within runs op between enter and leave.
func (j *Journal) within(ctx context.Context, op string, do func() error) error {
	if err := j.enter(); err != nil {
		return err
	}
	defer j.leave()
	return j.problem(ctx, op, do())
}

// Durable reports whether the journal outlives the process.
func (j *Journal) Durable() bool { return j.durable }

// Append implements cache.Journal. It is one statement in a transaction of its
// own; calls that come while another one is being written are written together
// by the next. A connection that breaks meanwhile may leave rows twice, which
// costs whoever follows the journal some misses.
func (j *Journal) Append(ctx context.Context, list ...cache.Invalidation) (receipt cache.Receipt, err error) {
	err = j.within(ctx, "append", func() error {
		if len(list) == 0 {
			return ctx.Err()
		}
		for _, invalidation := range list {
			if invalidation.Kind == 0 || invalidation.Kind > 0x7f {
				return fmt.Errorf("the kind is %d: give one of the constants of package cache", byte(invalidation.Kind))
			}
		}
		receipt, err = j.batch.append(ctx, list)
		return err
	})
	return receipt, err
}

// Applied implements cache.Journal: it hands the receipt to the [Replayer], which
// lets the other servers know.
func (j *Journal) Applied(_ context.Context, receipt cache.Receipt) {
	if receipt.IsZero() {
		return
	}
	for _, apply := range j.appliers.all() {
		apply(receipt)
	}
}

// Subscribe calls each with the rows that become visible from now on, those of
// this Journal included, from one goroutine: while each runs, nothing else is
// delivered. Rows come once; only if the connection was lost while more than
// 65,536 rows were not settled, some may come again. If the database has lost
// rows, one that invalidates everything stands for them.
//
// each may keep the rows, but must not change them. stop ends it, and returns
// when each has returned and will not be called again; each must not call it.
func (j *Journal) Subscribe(each func(rows []Row)) (stop func()) {
	var mu sync.Mutex
	stopped := false
	remove := j.subscribers.add(func(rows []Row) {
		mu.Lock()
		defer mu.Unlock()
		if !stopped {
			each(rows)
		}
	})
	return func() {
		remove()
		mu.Lock()
		defer mu.Unlock()
		stopped = true
	}
}

// End returns the settled end of the journal: everything that is committed later
// comes after it, and so may some of what was committed just now.
func (j *Journal) End(ctx context.Context) (end Position, err error) {
	err = j.within(ctx, "end", func() error {
		know, err := j.engine.look(ctx, Position{})
		end = know.at(know.end)
		return err
	})
	return end, err
}

// Since returns the settled rows after a position, the first limit of them, the
// position behind the last, and whether there are more. Rows that are committed
// but not settled come with a later call. ErrPruned and ErrUnknownPosition say
// that there is no telling what came after the position.
func (j *Journal) Since(ctx context.Context, after Position, limit int) (rows []Row, next Position, more bool, err error) {
	err = j.within(ctx, "since", func() error {
		p, err := j.engine.read(ctx, after, 0, max(limit, 1))
		if err != nil {
			return err
		}
		more = len(p.rows) >= max(limit, 1)
		next = after
		for i, row := range p.rows {
			if !p.settled(row) {
				p.rows, more = p.rows[:i], false
				break
			}
			next = after.Journal.at(row)
		}
		rows = p.rows
		// Last: what was removed before the rows were read is known by now.
		_, err = j.know(ctx, after)
		return err
	})
	if err != nil {
		return nil, after, false, err
	}
	return rows, next, more, nil
}

// know looks whether everything after the position is still there.
func (j *Journal) know(ctx context.Context, after Position) (knowledge, error) {
	know, err := j.engine.look(ctx, after)
	if err != nil {
		return know, err
	}
	switch order := after.Compare(know.pruned); {
	case after.Journal != know.journal || know.future:
		return know, ErrUnknownPosition
	case order < 0:
		return know, ErrPruned
	case order > 0 && !know.known:
		return know, ErrUnknownPosition
	}
	return know, nil
}

// at completes a position of the journal.
func (k knowledge) at(p Position) Position {
	p.Journal = k.journal
	return p
}

// CreateTable creates the tables and their index where they are missing. Any
// number of processes may do it at once, and at any time: where nothing is
// missing it locks nothing, and needs no right to create tables.
func (j *Journal) CreateTable(ctx context.Context) error {
	return j.within(ctx, "create table "+j.table.String(), func() error { return j.engine.create(ctx) })
}

// Schema returns the SQL that CreateTable runs; nothing for a journal in memory.
func (j *Journal) Schema() string { return j.engine.schema() }

// Close ends the work in the background, waits for it and for calls under way,
// and closes the connections that the journal has opened itself. Rows stay.
// Subscribers hear nothing more.
func (j *Journal) Close() error {
	j.once.Do(func() {
		j.closed.Store(true)
		j.tail.stop()
		j.pruner.stop()
		j.gate.Lock()
		defer j.gate.Unlock()
		j.batch.wait()
		j.err = j.engine.close()
	})
	return j.err
}

// patience bounds statements that nobody waits for.
const patience = 10 * time.Second
