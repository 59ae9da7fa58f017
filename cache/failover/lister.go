package failover

import (
	"context"
	"iter"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Keys implements cache.Lister. While open it lists the fallback. An iteration is
// bound by the budget of its context, in which the time that its user takes is
// counted too, but not by Config.Budget; and it ends with an error if the primary
// fails when keys have already been yielded.
func (s *Store) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		r, err := s.enter(ctx, "keys", 0)
		if err != nil {
			yield("", err)
			return
		}
		defer r.done()
		again := true
		for try := 1; again && err == nil; {
			if p := s.phase.Load(); p.state != Closed {
				again, err = s.listFallback(&r, p, prefix, yield)
				continue
			}
			again, err = s.listPrimary(&r, prefix, yield)
			if again && try == tries {
				err = unavailable(r.what, errFresh)
			}
			try++
		}
		if err != nil {
			yield("", err)
		}
	}
}

// listPrimary yields the primary's keys; again means that it yielded none, and
// that somebody else is to be asked.
func (s *Store) listPrimary(r *request, prefix string, yield func(string, error) bool) (again bool, err error) {
	seen := s.phase.Load()
	began, n := time.Now(), 0
	for key, err := range s.primary.Keys(r.ctx, prefix) {
		if err != nil {
			a := s.judge(r, began, time.Now(), err, true)
			if !a.fate.unanswered() {
				return false, err
			}
			healthy := a.fate == refused && s.confirm(r)
			if n == 0 && (healthy || s.phase.Load() != seen) {
				return true, nil
			}
			return false, unavailable(r.what, err)
		}
		n++
		if !yield(key, nil) {
			return false, nil
		}
		began = time.Now()
	}
	s.breaker.OK(time.Now())
	return false, nil
}

func (s *Store) listFallback(r *request, p *phase, prefix string, yield func(string, error) bool) (again bool, err error) {
	within := limit(r.ctx, r.end)
	v, again, err := s.viewOf(within, p)
	within.end()
	if again || err != nil {
		return again, r.degraded(err)
	}
	return false, s.askFallback(r.ctx, r, v, func(ctx context.Context, b backend) error {
		for key, err := range b.Keys(ctx, prefix) {
			if err != nil {
				return err
			}
			if !yield(key, nil) {
				break
			}
		}
		return nil
	})
}

var _ cache.Lister = (*Store)(nil)
