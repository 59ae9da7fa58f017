package ratelimit

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/ratelimit/internal/bucket"
)

// Config says what a Limiter decides by. The zero value is ready to use.
type Config struct {
	// Store has the buckets. The limiter does not close it. Defaults to none:
	// this process always decides by itself, with its share among Instances.
	Store Store
	// Deadline is how long a decision waits for the store. 1ms to 1s. Defaults
	// to 25ms.
	Deadline time.Duration
	// Instances is how many servers there are at least. More are believed if
	// they were seen. 1 to 10000. Defaults to 1.
	Instances int
	// MaxKeys bounds the buckets that this process holds while the store is
	// away, 64 bytes each. 1000 to 10 million. Defaults to 100000.
	MaxKeys int
	// Logger gets a line when this server begins to decide by itself, and one
	// when it ends. Defaults to discarding them.
	Logger *slog.Logger
}

const (
	defaultDeadline = 25 * time.Millisecond
	defaultMaxKeys  = 100_000
	mostInstances   = 10_000
	mostAsks        = 8
)

func (cfg Config) withDefaults() (Config, error) {
	if cfg.Deadline == 0 {
		cfg.Deadline = defaultDeadline
	}
	if cfg.Instances == 0 {
		cfg.Instances = 1
	}
	if cfg.MaxKeys == 0 {
		cfg.MaxKeys = defaultMaxKeys
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.Deadline < time.Millisecond || cfg.Deadline > time.Second:
		return cfg, fmt.Errorf("ratelimit: Config.Deadline is %v: use 1ms to 1s", cfg.Deadline)
	case cfg.Instances < 1 || cfg.Instances > mostInstances:
		return cfg, fmt.Errorf("ratelimit: Config.Instances is %d: use 1 to %d", cfg.Instances, mostInstances)
	case cfg.MaxKeys < 1000 || cfg.MaxKeys > 10_000_000:
		return cfg, fmt.Errorf("ratelimit: Config.MaxKeys is %d: use 1000 to 10000000", cfg.MaxKeys)
	}
	return cfg, nil
}

// Limiter decides. It is safe for concurrent use.
type Limiter struct {
	cfg       Config
	registry  Registry  // nil: the store knows of no others
	forgetful Forgetful // nil: it does not notice
	table     *bucket.Table
	breaker   breaker
	mode      atomic.Pointer[mode]
	servers   atomic.Pointer[servers]
	longest   atomic.Int64 // the longest period that was asked for, nanoseconds
	counted   counters

	changing sync.Mutex   // serialises changes of the mode
	failed   atomic.Value // the tag that the store failed at last, a string
	kick     chan struct{}
	life     context.Context
	stop     context.CancelFunc
	done     chan struct{}
}

// New returns a limiter. It works from the first moment, whether the store is
// there or not. Close it before the store.
func New(cfg Config) (*Limiter, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Limiter{cfg: cfg, table: bucket.New(cfg.MaxKeys), kick: make(chan struct{}, 1), done: make(chan struct{})}
	l.registry, _ = cfg.Store.(Registry)
	l.forgetful, _ = cfg.Store.(Forgetful)
	id := rand.Text()
	l.servers.Store(&servers{own: id, ids: []string{id}})
	l.mode.Store(&mode{local: cfg.Store == nil, since: time.Now(), losses: l.losses()})
	l.failed.Store(probeTag)
	l.life, l.stop = context.WithCancel(context.Background())
	if cfg.Store == nil {
		close(l.done)
	} else {
		go l.attend()
	}
	return l, nil
}

// Close ends the limiter and waits for its goroutine. It does not close the
// store. Decisions afterwards are local. It is idempotent.
func (l *Limiter) Close() error {
	l.stop()
	<-l.done
	return nil
}

func (l *Limiter) losses() uint64 {
	if l.forgetful == nil {
		return 0
	}
	return l.forgetful.Losses()
}

// count is by how many the limit is divided.
func (l *Limiter) count() int { return max(l.cfg.Instances, len(l.servers.Load().ids)) }

// Take decides whether something may happen that has to keep all the limits, 1
// to 8 of them: all are charged, or if one has no room none. Limits that are
// asked for together are kept together in the store, under the first one's name:
// a limit always has to be asked for in the same company.
//
// It does not fail with the store. The error is a *LimitError, or says that a
// cost is above the burst, which could never be allowed; the decision then is
// that it is not. The end of ctx changes nothing: a decision takes a Deadline at
// most.
func (l *Limiter) Take(ctx context.Context, asks ...Ask) (Decision, error) {
	return l.TakeGroup(ctx, "", asks...)
}

// TakeGroup is Take for limits that only belong together within a group. On a
// Cluster all buckets of a group are on one server, so that more than one limit
// can be decided at once. Groups spread them over all; without, those of several
// limits are all on one. The same key in different groups is different things.
// For example with a limit for addresses and one for addresses and users, the
// address is the group.
func (l *Limiter) TakeGroup(ctx context.Context, group string, asks ...Ask) (Decision, error) {
	p, err := newPlan(group, asks)
	if err != nil {
		return Decision{}, err
	}
	l.remember(p)
	m := l.current()
	if !m.local && l.life.Err() == nil {
		if allowed, ok := l.askStore(ctx, m, p); ok {
			return l.decided(p, allowed, false), nil
		}
		m = l.current()
	}
	return l.decided(p, l.askTable(m, p), true), nil
}

// remember keeps the longest period.
func (l *Limiter) remember(p *plan) {
	for i := range p.limits {
		for {
			longest := l.longest.Load()
			if int64(p.limits[i].Period) <= longest || l.longest.CompareAndSwap(longest, int64(p.limits[i].Period)) {
				break
			}
		}
	}
}

// askStore has the store decide. ok is false if it did not.
func (l *Limiter) askStore(ctx context.Context, m *mode, p *plan) (allowed, ok bool) {
	began := time.Now()
	after := began.Sub(m.since)
	for i, limit := range p.limits {
		p.charges[i].Room = limit.room()
		p.charges[i].Cost = time.Duration(p.costs[i]) * limit.interval()
		p.charges[i].Floor = m.last.floor(limit, after)
	}
	// Not the client's context: one who leaves says nothing about the store.
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.cfg.Deadline)
	defer cancel()
	allowed, err := l.cfg.Store.Take(within, p.tag, p.charges)
	now := time.Now()
	if err == nil {
		l.breaker.ok(now)
		return allowed, true
	}
	l.counted.failures.Add(1)
	l.failed.Store(p.tag)
	if l.breaker.failed(began, now) {
		l.lose(err)
	}
	return false, false
}

// askTable has this server decide, with its share.
func (l *Limiter) askTable(m *mode, p *plan) bool {
	now := m.clock(time.Now()).Truncate(time.Microsecond)
	known, count := l.servers.Load(), l.count()
	holds := true
	for i, limit := range p.limits {
		interval, room, holders := limit.share(count)
		p.charges[i].Room = room
		p.charges[i].Cost = time.Duration(p.costs[i]) * interval
		p.charges[i].Floor = max(0, limit.localStart()-now)
		holds = holds && known.holds(p.tag, p.charges[i].Key, holders)
	}
	if holds {
		return l.table.Take(now, p.tag, p.charges)
	}
	for i := range p.charges { // another server has the share
		p.charges[i].Ahead = p.charges[i].Room
	}
	return p.free()
}

// decided makes a decision of what the charges say.
func (l *Limiter) decided(p *plan, allowed, local bool) Decision {
	d := Decision{Allowed: allowed, Local: local, States: make([]State, len(p.limits))}
	for i, limit := range p.limits {
		c := &p.charges[i]
		interval := limit.interval()
		if local {
			interval, _, _ = limit.share(l.count())
		}
		s := State{Limit: limit, Allowed: allowed || c.Cost <= 0 || c.Wait() <= 0, Remaining: int(max(0, c.Room-c.Ahead) / interval), Reset: c.Ahead}
		if !s.Allowed {
			d.RetryAfter = max(d.RetryAfter, c.Wait())
		}
		d.States[i] = s
	}
	l.counted.count(&d)
	return d
}
