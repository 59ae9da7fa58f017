package journal

import (
	"context"
	"time"

	"github.com/echoic-go/echoic/cache"
)

const (
	// roundPatience bounds what one round of the steady work may take.
	roundPatience = 5 * time.Second
	// missLeast and missMost bound the pause after a round that failed.
	missLeast, missMost = 100 * time.Millisecond, time.Second
)

// work applies what nobody has applied, for as long as the Replayer lives.
func (r *Replayer) work() {
	pause := missLeast
	for {
		next, err := r.round()
		switch {
		case r.life.Err() != nil:
			return
		case err != nil:
			// What was taken is in the journal, behind the marks.
			r.queue.fallBehind()
			if !sleep(r.life, pause) {
				return
			}
			pause = min(2*pause, missMost)
			continue
		}
		pause = missLeast
		timer := time.NewTimer(next)
		select {
		case <-r.life.Done():
		case <-r.queue.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// round does what is due, and says when there is more.
func (r *Replayer) round() (next time.Duration, err error) {
	err = r.inTurn(r.life, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, roundPatience)
		defer cancel()
		store := r.attached()
		if r.queue.isBehind() {
			if err := r.catchUp(ctx, store); err != nil {
				return err
			}
		}
		var due []waiting
		if due, next = r.queue.take(time.Now()); len(due) > 0 {
			if err := r.deal(ctx, store, due); err != nil {
				return err
			}
			next = min(next, r.grace)
		}
		if to, ok := r.queue.claim(r.journal.Settled()); ok {
			return r.advance(ctx, store, to)
		}
		return nil
	})
	return next, err
}

// deal applies the due rows that nobody has applied or is just applying.
func (r *Replayer) deal(ctx context.Context, store cache.Store, due []waiting) error {
	byTransaction := map[uint64]bool{} // whether it is ours to apply
	var now, later []waiting
	for _, w := range due {
		if w.Outbox && !w.claimed {
			mine, asked := byTransaction[w.Transaction]
			if !asked {
				var err error
				if mine, err = r.first(ctx, store, w.Row); err != nil {
					return err
				}
				byTransaction[w.Transaction] = mine
			}
			if !mine {
				w.claimed, w.due = true, time.Now().Add(r.grace)
				later = append(later, w)
				continue
			}
		}
		now = append(now, w)
	}
	r.queue.putBack(later)
	rows := make([]Row, len(now))
	for i, w := range now {
		rows[i] = w.Row
	}
	for len(rows) > 0 {
		n := min(len(rows), replayPage)
		if err := r.apply(ctx, store, rows[:n], true); err != nil {
			return err
		}
		rows = rows[n:]
	}
	r.queue.finished(now)
	return nil
}

// first reports whether this server is the first to deal with a transaction of
// the application's. The others see to it only if nothing comes of it.
func (r *Replayer) first(ctx context.Context, store cache.Store, row Row) (bool, error) {
	id := int64(0)
	if row.Transaction == 0 {
		id = row.ID
	}
	return store.Set(ctx, r.markerKey(row.Transaction, id)+"?", []byte("1"), markerTTL, cache.IfAbsent)
}

// advance moves the marks of the servers that are known.
func (r *Replayer) advance(ctx context.Context, store cache.Store, to Position) error {
	r.setDone(to)
	marks, err := r.marks(ctx, store, r.verified())
	if err != nil {
		return err
	}
	r.moveMarks(ctx, store, marks, to)
	return nil
}
