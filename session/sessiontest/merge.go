package sessiontest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/echoic-go/echoic/session"
)

// mergeRules: requests that change one session at the same time.
var mergeRules = []rule{
	{"changes of different keys are all kept", func(s *suite) {
		a, b := s.servers(session.Config{})
		token := s.start(a, "old", "kept")
		slow := a.open(token)
		a.Put(slow, "mine", 1)
		a.Remove(slow, "old")
		b.visit(token, func(ctx context.Context) { b.Put(ctx, "theirs", 2) })
		b.visit(token, func(ctx context.Context) { b.Remove(ctx, "kept") })
		slow.finish()
		b.visit(token, func(ctx context.Context) {
			s.is(slices.Equal(b.Keys(ctx), []string{"mine", "theirs"}), "both changes are there; got %v", b.Keys(ctx))
			s.is(b.GetInt(ctx, "mine") == 1 && b.GetInt(ctx, "theirs") == 2, "with their values")
		})
	}},
	{"of changes of one key the last wins", func(s *suite) {
		a, b := s.servers(session.Config{})
		token := s.start(a, "k", "l", "m")
		slow := a.open(token)
		a.Put(slow, "k", "slow")
		a.Remove(slow, "l")
		b.visit(token, func(ctx context.Context) {
			b.Put(ctx, "k", "quick")
			b.Put(ctx, "l", "quick")
			b.Put(ctx, "m", "quick")
		})
		slow.finish()
		b.visit(token, func(ctx context.Context) {
			s.is(b.GetString(ctx, "k") == "slow" && !b.Exists(ctx, "l"), "the later request wins; got %v", b.GetString(ctx, "k"))
			s.is(b.GetString(ctx, "m") == "quick", "what it did not change stays changed")
		})
	}},
	{"a deadline that another request moved stays moved", func(s *suite) {
		a, b := s.servers(session.Config{})
		token, later := s.start(a, "k"), time.Now().Add(72*time.Hour).UTC()
		slow := a.open(token)
		a.Put(slow, "k", 1)
		b.visit(token, func(ctx context.Context) { b.SetDeadline(ctx, later) })
		slow.finish()
		b.visit(token, func(ctx context.Context) {
			s.is(b.Deadline(ctx).Sub(later).Abs() < time.Second, "got %v, want %v", b.Deadline(ctx), later)
		})
	}},
	{"of many parallel changes of different keys none is lost", func(s *suite) {
		const workers, each = 8, 25
		a, b := s.servers(session.Config{})
		token := s.start(a, "k")
		var wg sync.WaitGroup
		for w := range workers {
			srv := []*server{a, b}[w%2]
			wg.Go(func() {
				for n := range each {
					key := fmt.Sprintf("%d.%d", w, n)
					srv.visit(token, func(ctx context.Context) { srv.Put(ctx, key, n) })
				}
			})
		}
		wg.Wait()
		b.visit(token, func(ctx context.Context) {
			s.is(len(b.Keys(ctx)) == workers*each+1, "every change is there; got %d of %d", len(b.Keys(ctx))-1, workers*each)
		})
	}},
}
