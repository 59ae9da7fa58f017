package journal

import (
	"context"
	"errors"

	"github.com/echoic-go/echoic/cache"
)

// catchUp is CatchUp, for whose turn it is.
func (r *Replayer) catchUp(ctx context.Context, store cache.Store) error {
	r.mu.Lock()
	servers := r.servers
	r.mu.Unlock()
	if len(servers) == 0 { // nobody has ever verified anything
		return r.bringUp(ctx, store, nil)
	}
	marks, err := r.marks(ctx, store, servers)
	if err != nil {
		return err
	}
	return r.bringUp(ctx, store, marks)
}

// bringUp applies what came after the marks and has no marker, and moves the
// marks. It says nothing about which process the servers are: a mark goes on
// from what it was, or not at all.
func (r *Replayer) bringUp(ctx context.Context, store cache.Store, marks []held) error {
	from, err := r.from(marks)
	settled := from
	if err == nil {
		settled, err = r.replay(ctx, store, from, true, func(p Position) error { return r.moveMarks(ctx, store, marks, p) })
	}
	if errors.Is(err, ErrPruned) || errors.Is(err, ErrUnknownPosition) {
		if err = r.raise(ctx, store); err == nil {
			settled, err = r.dropAll(ctx, store, func() error { return nil })
		}
	}
	if err != nil {
		return err
	}
	r.setDone(settled)
	return r.moveMarks(ctx, store, marks, settled)
}

// from is the lowest of the marks. For one that was lost, evicted for example,
// counts what this process knows.
func (r *Replayer) from(marks []held) (from Position, err error) {
	done := r.doneUpTo()
	if len(marks) == 0 {
		return done, nil
	}
	for i, h := range marks {
		p := h.mark.Position
		if p.IsZero() {
			p = done
		}
		switch {
		case i == 0:
			from = p
		case p.Journal != from.Journal:
			return from, ErrUnknownPosition
		case p.Compare(from) < 0:
			from = p
		}
	}
	return from, nil
}

// moveMarks moves the marks that are behind. One that somebody else has moved,
// or is replaying from, is left alone.
func (r *Replayer) moveMarks(ctx context.Context, store cache.Store, marks []held, to Position) error {
	for i := range marks {
		h := &marks[i]
		m := mark{Position: to, Run: h.mark.Run}
		if h.mark.IsZero() {
			m.Run = h.server.RunID
		}
		if h.mark.Claim != "" || h.mark.Journal == to.Journal && h.mark.Compare(to) >= 0 {
			continue
		}
		if moved, err := h.swap(ctx, store, m); err != nil {
			return err
		} else if !moved {
			if err := h.reread(ctx, store); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Replayer) doneUpTo() Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done
}

// setDone never goes back, except to another journal.
func (r *Replayer) setDone(p Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Journal != r.done.Journal || p.Compare(r.done) > 0 {
		r.done = p
	}
}
