package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/echoic-go/echoic/cache"
)

const (
	// claimPatience is how long a claim that does not move keeps others away.
	claimPatience = 500 * time.Millisecond
	claimPause    = 10 * time.Millisecond
)

var errOvertaken = errors.New("another server has begun to replay, or the store has changed meanwhile: try again")

// Verify is a cache.Verifier. A server that is still the process of which its
// mark speaks has kept its data, and is told what came after the mark. One that
// has restarted, or was replaced, may have gone back in time: it is told again,
// markers or not, and its plain values are dropped unless TrustRestart is set.
// Without a mark, or with one that the journal cannot go on from, everything is
// dropped.
//
// Of many servers that find the store restarted at once one replays; the others
// wait for it, for as long as it moves. Without the database nothing can be
// verified.
func (r *Replayer) Verify(ctx context.Context, store cache.Store, servers []cache.Incarnation) error {
	if len(servers) == 0 {
		return nil
	}
	return r.inTurn(ctx, func(ctx context.Context) error {
		return r.problem("verify", r.verify(ctx, store, servers))
	})
}

func (r *Replayer) verify(ctx context.Context, store cache.Store, servers []cache.Incarnation) error {
	marks, err := r.marks(ctx, store, servers)
	if err != nil {
		return err
	}
	v := &verification{replayer: r, store: store, marks: marks}
	if err := v.claim(ctx); err != nil {
		return err
	}
	if v.drop || v.again {
		if err := v.replay(ctx); err != nil {
			return err
		}
	}
	r.learn(servers)
	return r.bringUp(ctx, store, marks)
}

// verification is one Verify.
type verification struct {
	replayer *Replayer
	store    cache.Store
	marks    []held
	claimed  []*held
	drop     bool // the past of one of them is unknown
	again    bool // one of them may have gone back to its mark
}

// need says whether a server's mark is of another process, or of no use.
func (v *verification) need(ctx context.Context, h *held) (drop, again bool, err error) {
	if h.mark.IsZero() {
		return true, false, nil
	}
	switch _, err := v.replayer.know(ctx, h.mark.Position); {
	case errors.Is(err, ErrPruned), errors.Is(err, ErrUnknownPosition):
		return true, false, nil
	case err != nil:
		return false, false, err
	}
	return false, h.mark.Claim != "" || h.mark.Run != h.server.RunID, nil
}

// claim takes the marks of the servers that need more than what came last.
func (v *verification) claim(ctx context.Context) error {
	for i := range v.marks {
		h := &v.marks[i]
		for {
			if err := v.await(ctx, h); err != nil {
				return err
			}
			drop, again, err := v.need(ctx, h)
			if err != nil {
				return err
			}
			if !drop && !again {
				break
			}
			mine, err := h.swap(ctx, v.store, mark{Position: h.mark.Position, Claim: rand.Text()})
			if err != nil {
				return err
			}
			if mine {
				v.claimed = append(v.claimed, h)
				v.drop, v.again = v.drop || drop, v.again || again
				break
			}
			if err := h.reread(ctx, v.store); err != nil {
				return err
			}
		}
	}
	return nil
}

// await waits while somebody else replays.
func (v *verification) await(ctx context.Context, h *held) error {
	for patience := claimPatience; h.mark.Claim != "" && patience > 0; patience -= claimPause {
		if !sleep(ctx, claimPause) {
			return ctx.Err()
		}
		before := string(h.raw)
		if err := h.reread(ctx, v.store); err != nil {
			return err
		}
		if string(h.raw) != before {
			patience = claimPatience
		}
	}
	return nil
}

// replay tells the store what it may have forgotten.
func (v *verification) replay(ctx context.Context) error {
	r := v.replayer
	begin := r.now()
	if err := r.raise(ctx, v.store); err != nil {
		return err
	}
	var settled Position
	var err error
	if v.drop {
		settled, err = r.dropAll(ctx, v.store, func() error { return v.move(ctx, nil) })
	} else {
		if !r.trustRestart {
			if err := cache.Apply(ctx, v.store, r.config(), []cache.Invalidation{{Kind: cache.InvalidValues}}); err != nil {
				return err
			}
		}
		settled, err = r.replay(ctx, v.store, v.from(), false, func(p Position) error { return v.move(ctx, &p) })
	}
	if err != nil {
		return err
	}
	for _, h := range v.claimed {
		mine, err := h.swap(ctx, v.store, mark{Position: settled, Run: h.server.RunID})
		if err != nil {
			return err
		}
		if !mine {
			return errOvertaken
		}
	}
	r.logger.InfoContext(ctx, "journal: the store was told what it may have missed",
		"servers", len(v.claimed), "everything dropped", v.drop, "took", r.now().Sub(begin))
	return nil
}

// from is the lowest mark of those that may have gone back.
func (v *verification) from() Position {
	marks := make([]held, len(v.claimed))
	for i, h := range v.claimed {
		marks[i] = *h
	}
	return lowest(marks)
}

// move shows others that this replay goes on, and if it ends here, how far it
// came.
func (v *verification) move(ctx context.Context, to *Position) error {
	for _, h := range v.claimed {
		position := h.mark.Position
		if to != nil && position.Compare(*to) < 0 {
			position = *to
		}
		mine, err := h.swap(ctx, v.store, mark{Position: position, Claim: rand.Text()})
		if err != nil {
			return err
		}
		if !mine {
			return errOvertaken
		}
	}
	return nil
}
