package journal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Replayer keeps a shared store in step with a journal. Most rows need nothing:
// the process that wrote them has told the store as well and left a marker there.
// What stays without a marker, because that process died or had lost the store,
// any server applies after a moment; and before a store that was away is trusted,
// it is told all that its mark does not cover.
//
// Applying a row twice, by any number of servers, costs misses and nothing else.
// A Replayer is safe for concurrent use.
type Replayer struct {
	journal       *Journal
	prefix        string
	sessionPrefix string
	trustRestart  bool
	grace         time.Duration
	logger        *slog.Logger
	now           func() time.Time

	turn     chan struct{}               // held by the one that changes a store
	store    atomic.Pointer[cache.Store] // attached
	sequence atomic.Uint64               // the greatest one seen
	queue    queue
	receipts receipts

	mu      sync.Mutex
	servers []cache.Incarnation // that were verified last
	begun   bool                // this process has seen to everything up to done
	done    Position            // at first, where this process began to listen

	life    context.Context // ends with Close
	end     context.CancelFunc
	stop    func() // leaves the journal
	attach  sync.Once
	tasks   sync.WaitGroup
	replays atomic.Uint64
}

// ReplayerConfig is what a [Replayer] is made of. Journal is required.
type ReplayerConfig struct {
	// Journal has the rows. It has to be open for as long as the Replayer is.
	Journal *Journal
	// Prefix is the one of the caches in the store, as in cache.Config. Defaults
	// to "echoic".
	Prefix string
	// SessionPrefix stands before the keys of sessions that the store keeps.
	// Defaults to none: it keeps no sessions.
	SessionPrefix string
	// TrustRestart keeps plain values when a server has restarted: for one that
	// loses nothing then (append-only with fsync always), and that no replica
	// takes over from. Otherwise they are dropped, because what takes over may
	// hold older ones. Defaults to false.
	TrustRestart bool
	// Grace is how long a row may wait for the process that wrote it to tell the
	// store. 1ms to 10s. Defaults to 250ms.
	Grace time.Duration
	// Logger gets a line for each replay. Defaults to discarding them.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

const (
	defaultGrace = 250 * time.Millisecond
	mostGrace    = 10 * time.Second
)

// NewReplayer makes a Replayer. It does nothing before Verify or Attach.
func NewReplayer(cfg ReplayerConfig) (*Replayer, error) {
	if cfg.Journal == nil {
		return nil, errors.New("journal: ReplayerConfig.Journal is nil: open one with Open")
	}
	if cfg.Grace < 0 || cfg.Grace > mostGrace {
		return nil, errors.New("journal: ReplayerConfig.Grace is out of range: give a duration from 1ms to 10s, or 0 for 250ms")
	}
	if cfg.Prefix == "" {
		cfg.Prefix = defaultDomain
	}
	if cfg.Grace == 0 {
		cfg.Grace = defaultGrace
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &Replayer{
		journal: cfg.Journal, prefix: cfg.Prefix, sessionPrefix: cfg.SessionPrefix,
		trustRestart: cfg.TrustRestart, grace: cfg.Grace, logger: cfg.Logger, now: cfg.Now,
		turn: make(chan struct{}, 1),
	}
	r.life, r.end = context.WithCancel(context.Background())
	r.queue.init()
	r.receipts.init()
	r.done = cfg.Journal.Settled() // before rows arrive
	unsubscribe := cfg.Journal.Subscribe(r.queue.arrived(r.grace, func() Identity { return cfg.Journal.tail.identity() }))
	remove := cfg.Journal.appliers.add(r.applied)
	r.stop = func() { remove(); unsubscribe() }
	return r, nil
}

// Attach starts the steady work on a store: rows that nobody applies within the
// grace are applied, those of transactions of the application at once, and the
// marks of the servers move along. store is the one that everybody uses, which
// fails while it is not verified; what was missed then is made up for later.
// A Replayer is for one store: only the first call counts.
func (r *Replayer) Attach(store cache.Store) {
	r.attach.Do(func() {
		if r.life.Err() == nil {
			r.store.Store(&store)
			r.queue.fallBehind()
			r.tasks.Go(r.work)
			r.tasks.Go(r.leaveMarkers)
		}
	})
}

// attached returns the store, nil if there is none.
func (r *Replayer) attached() cache.Store {
	if store := r.store.Load(); store != nil {
		return *store
	}
	return nil
}

// CatchUp applies everything that is in the journal now and that nobody has
// applied to the attached store yet.
func (r *Replayer) CatchUp(ctx context.Context) error {
	store := r.attached()
	if store == nil {
		return errors.New("journal: catch up: no store is attached: call Attach first")
	}
	return r.inTurn(ctx, func(ctx context.Context) error {
		return r.problem("catch up", r.catchUp(ctx, store))
	})
}

// Replays counts the rows that this Replayer has applied.
func (r *Replayer) Replays() uint64 { return r.replays.Load() }

// Position is up to where this process has seen to every row of the journal,
// zero before it has caught up for the first time.
func (r *Replayer) Position() Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.begun {
		return Position{}
	}
	return r.done
}

// Close ends the work and waits for it. It closes neither journal nor stores,
// and comes before they are closed.
func (r *Replayer) Close() error {
	r.end()
	r.stop()
	r.attach.Do(func() {}) // no work begins from here on
	r.tasks.Wait()
	return nil
}

// inTurn runs what changes a store, one at a time in this process: the second
// to verify after a restart finds little to do.
func (r *Replayer) inTurn(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.life, func() { cancel(errClosed) })()
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-r.turn }()
	if r.life.Err() != nil {
		return errClosed
	}
	return do(ctx)
}

func (r *Replayer) problem(op string, err error) error {
	if err == nil {
		return nil
	}
	return r.journal.problem(context.Background(), op, err)
}

func (r *Replayer) config() cache.ApplyConfig {
	return cache.ApplyConfig{Prefix: r.prefix, SessionPrefix: r.sessionPrefix, Logger: r.logger, Now: r.now}
}
