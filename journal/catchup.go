package journal

import (
	"context"
	"errors"
	"slices"

	"github.com/echoic-go/echoic/cache"
)

// catchUp is CatchUp, for whose turn it is.
func (r *Replayer) catchUp(ctx context.Context, store cache.Store) error {
	marks, err := r.marks(ctx, store, r.verified())
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
		settled, err = r.replay(ctx, store, from, true, func(p Position) error {
			r.moveMarks(ctx, store, marks, p)
			return nil
		})
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
	r.moveMarks(ctx, store, marks, settled)
	return nil
}

// from is where to go on: the lowest of the marks, or what this process has seen
// to itself, which is more where marks cannot be written because the store is
// out of memory. For a mark that was lost, evicted for example, only that
// counts.
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
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun && r.done.Journal == from.Journal && r.done.Compare(from) > 0 {
		from = r.done
	}
	return from, nil
}

// moveMarks moves the marks that are behind. One that somebody else has moved,
// or is replaying from, is left alone. That a mark cannot be written does no
// harm: it says less than it could.
func (r *Replayer) moveMarks(ctx context.Context, store cache.Store, marks []held, to Position) {
	for i := range marks {
		h := &marks[i]
		m := mark{Position: to, Run: h.mark.Run}
		if h.mark.IsZero() {
			m.Run = h.server.RunID
		}
		if h.mark.Claim != "" || h.mark.Journal == to.Journal && h.mark.Compare(to) >= 0 {
			continue
		}
		if _, err := h.swap(ctx, store, m); err != nil {
			r.logger.DebugContext(ctx, "journal: a mark was not moved", "error", err)
			return
		}
	}
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
	if !r.begun || p.Journal != r.done.Journal || p.Compare(r.done) > 0 {
		r.done, r.begun = p, true
	}
}

// learn remembers the servers of a Verify. On a Cluster it may have been asked
// about some of them.
func (r *Replayer) learn(servers []cache.Incarnation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := slices.DeleteFunc(slices.Clone(r.servers), func(old cache.Incarnation) bool {
		return slices.ContainsFunc(servers, func(s cache.Incarnation) bool { return s.Place == old.Place })
	})
	r.servers = append(known, servers...)
}

// verified returns the servers that are known.
func (r *Replayer) verified() []cache.Incarnation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.servers
}
