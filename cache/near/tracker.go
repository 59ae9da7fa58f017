package near

import (
	"context"
	"sync"
	"time"
)

const (
	// askEvery is how often every server is asked whether it is there. Nobody
	// else uses these connections: one that is dead would not be missed.
	askEvery = 500 * time.Millisecond
	// shortPause is between two looks when the first one was not good. It is
	// what keeps a server that ends every connection from being dialled in a
	// tight loop.
	shortPause = 25 * time.Millisecond
)

// Tracker listens to the changes of a Redis for a [Tier], by client-side caching
// in its broadcast mode, on connections of its own: one to every primary. The
// tier is verified while each of them answers. When one is lost, a server does
// not answer, stops being a primary, or the servers are not those of before, the
// tier is unverified until there is a live connection to every one.
//
// One goroutine connects and asks; the invalidations come on those of the
// connections.
type Tracker struct {
	plan     plan
	feed     *Feed
	topology topology
	nodes    map[string]*node // of the goroutine

	mu     sync.Mutex // also orders what the feed is told
	losses uint64
	up     bool

	kick chan struct{} // look now
	life context.Context
	stop context.CancelFunc
	done chan struct{}
	old  sync.WaitGroup // nodes that are closing
}

// Track starts to listen and returns at once, whether there is a server or not;
// errors are those of cfg. ctx ends nothing but this call; its values reach the
// logger. Redis 6.2 or later is needed.
func Track(ctx context.Context, cfg TrackConfig) (*Tracker, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	plan, err := cfg.plan()
	if err != nil {
		return nil, err
	}
	t := &Tracker{
		plan: plan, nodes: make(map[string]*node),
		kick: make(chan struct{}, 1), done: make(chan struct{}),
	}
	t.life, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	t.topology = t.newTopology()
	t.feed = cfg.Tier.Feed(plan.feedName())
	go t.run()
	return t, nil
}

// Close ends the tracker and waits for its goroutines. The tier is unverified
// from then on. It is idempotent.
func (t *Tracker) Close() error {
	t.stop()
	<-t.done
	return nil
}

func (t *Tracker) run() {
	defer close(t.done)
	for t.life.Err() == nil {
		begin := time.Now()
		if err := t.look(); err != nil && t.life.Err() == nil {
			t.plan.Logger.DebugContext(t.life, "near: not tracking", "error", err)
			t.down(plain(err))
		}
		t.rest(begin)
	}
	t.mu.Lock()
	t.feed.Close()
	t.mu.Unlock()
	for _, n := range t.nodes {
		t.retire(n)
	}
	t.topology.close()
	t.old.Wait()
}

// rest waits until it is time for the next look. What was lost is connected to at
// once, but no two looks begin within the short pause.
func (t *Tracker) rest(begin time.Time) {
	timer := time.NewTimer(askEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return
	case <-t.life.Done():
		return
	case <-t.kick:
	}
	timer.Reset(shortPause - time.Since(begin))
	select {
	case <-timer.C:
	case <-t.life.Done():
	}
}

// lost is called by the connections.
func (t *Tracker) lost(reason string) {
	if t.life.Err() != nil {
		return
	}
	t.down(reason)
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// down also makes a look that is under way find that it has missed something.
func (t *Tracker) down(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.losses++
	t.up = false
	t.feed.Down(reason)
}

func (t *Tracker) state() (losses uint64, up bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.losses, t.up
}

// settle says that all servers answered after the losses were counted. If there
// was another one meanwhile, its kick leads to another look.
func (t *Tracker) settle(losses uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.losses == losses {
		t.up = true
		t.feed.Up()
	}
}
