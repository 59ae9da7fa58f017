package failover

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/breaker"
)

// Store is a cache.Store over a primary and a fallback. It has all powers.
//
// Its errors wrap cache.ErrDegraded where a store is away, the budget is used up
// or something is not promised without the primary; cache.ErrClosed after Close;
// the error of the call's context if that has ended; and else they are those of
// the store that was asked.
//
// After an error of a write it is unknown whether it was done. What a primary
// that was given up may have done all the same is undone before it is trusted
// again.
//
// A call starts no goroutine. So it takes as long as the store that it asks lets
// it: one that does not look at the deadline of its context can hold a caller
// beyond the budget, though only until the breaker, which takes that for
// lateness, has opened.
//
// Store is safe for concurrent use.
type Store struct {
	cfg      Config
	primary  backend
	fallback backend // nil: none

	phase   atomic.Pointer[phase]
	breaker *breaker.Judge
	slots   chan struct{} // one element for each call of the fallback
	dirty   *dirty
	recent  recent
	peers   *peers
	news    *announcer
	heard   *inbox
	counts  counts

	mu      sync.Mutex    // of changes of phase, and of what follows
	writing int           // explicit writes to the fallback
	closing chan struct{} // they wait for its end; nil: they need not
	verdict chan struct{} // closed when the probe that was asked for has ended
	lived   string        // number of the last outage in which this server lived
	spoiled string        // number of an outage that has missed something

	tripped chan struct{} // for the prober: the breaker has opened
	asked   chan struct{} // for the prober: is the primary there?
	keep    chan struct{} // for the keeper: the breaker has opened
	idle    chan struct{} // for the prober: writing is zero
	sweep   chan struct{} // for the sweeper: an outage is over

	life context.Context // ends with Close
	stop context.CancelFunc
	jobs sync.WaitGroup
}

var (
	_ backend       = (*Store)(nil)
	_ cache.Renewer = (*Store)(nil)
)

// counts are for Stats.
type counts struct {
	opened, fallback, full atomic.Int64
}

// New returns a store that begins closed: it believes in the primary until that
// fails. It asks neither store.
func New(cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{
		cfg:     cfg,
		breaker: breaker.NewJudge(cfg.Failures, cfg.Window),
		slots:   make(chan struct{}, cfg.FallbackCalls),
		dirty:   newDirty(),
		peers:   newPeers(),
		heard:   newInbox(),
		tripped: make(chan struct{}, 1),
		asked:   make(chan struct{}, 1),
		keep:    make(chan struct{}, 1),
		idle:    make(chan struct{}, 1),
		sweep:   make(chan struct{}, 1),
	}
	if s.primary, err = powerful("Primary", cfg.Primary); err != nil {
		return nil, err
	}
	if cfg.Fallback != nil {
		if s.fallback, err = powerful("Fallback", cfg.Fallback); err != nil {
			return nil, err
		}
	}
	s.phase.Store(&phase{state: Closed, changed: make(chan struct{})})
	s.life, s.stop = context.WithCancel(context.Background())
	s.news = newAnnouncer(cfg.Journal)
	s.jobs.Go(s.prober)
	s.jobs.Go(s.keeper)
	s.jobs.Go(func() { s.news.run(s.life) })
	s.jobs.Go(s.listener)
	s.jobs.Go(s.sweeper)
	return s, nil
}

// Close implements cache.Store: it stops the goroutines and waits for them. It
// leaves primary and fallback open.
func (s *Store) Close() error {
	s.stop()
	s.jobs.Wait()
	return nil
}
