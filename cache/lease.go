package cache

import (
	"context"
	"crypto/rand"
	"sync"
	"time"
)

// Lease is the right to fill one key, for one of the servers that share a store.
// While it is held the others wait for what its holder makes. Who has it calls
// [Lease.Done]; a holder that dies loses it within seconds. A nil Lease is what
// there is where nobody can exclude others: the fill goes on without.
type Lease struct {
	c     *Cache
	key   string
	token []byte

	mu    sync.Mutex // guards timer and over
	timer *time.Timer
	over  bool
}

const (
	// leaseTTL is how long others wait for a holder that has died. It is
	// renewed while the holder works.
	leaseTTL = time.Second
	// leaseWait is how long a server waits for another's fill at most.
	leaseWait = 10 * time.Second
	// leaseDone is how long a lease says that the key was just filled: who
	// missed before that looks again instead of filling it once more.
	leaseDone = time.Second
	// leaseAlone is how long it says that what was made is for one visitor or
	// cannot be kept: nobody waits for a thing that never comes.
	leaseAlone = 2 * time.Second

	leasePause     = 10 * time.Millisecond
	leasePauseMost = 100 * time.Millisecond
	leaseOpTimeout = time.Second
)

// What a lease's key holds besides a holder's token.
var (
	markDone  = []byte("done")
	markAlone = []byte("alone")
)

// Outcome is what became of a fill.
type Outcome uint8

// The outcomes.
const (
	// FillFailed is an error, or something that was purged while it was made:
	// the next who wants it tries.
	FillFailed Outcome = iota
	// FillStored is in the store.
	FillStored
	// FillAlone cannot be kept for others: nobody need wait for it.
	FillAlone
)

// leases reports whether servers can exclude each other by the store.
func (c *Cache) leases() bool {
	if _, local := c.cfg.Store.(ObjectStore); local || degraded(c.cfg.Store) {
		return false
	}
	_, ok := c.store.(Swapper)
	return ok
}

// lead returns when the caller is to fill a key, base in generation gen: with
// a lease, or with nil if there can be none or the wait was in vain. look is asked
// after a wait, or where somebody was quicker, and found is what it said. Without
// wait, ok is false if another server has the lease.
func (c *Cache) lead(ctx context.Context, gen *generation, base string, wait bool, look func(context.Context) bool) (l *Lease, found, ok bool) {
	if !c.leases() {
		return nil, false, true
	}
	ctx, cancel := context.WithTimeout(ctx, leaseWait)
	defer cancel()
	l = &Lease{c: c, key: c.lockKey("fill", base), token: []byte(rand.Text())}
	for pause := leasePause; ; pause = min(2*pause, leasePauseMost) {
		changed, stop := c.watch(gen, base)
		state, err := l.take(ctx)
		switch {
		case err != nil, state == leaseSolo:
			stop()
			return nil, false, true
		case state == leaseFree:
			stop()
			return l, false, true
		case state == leaseReady: // just filled, or taken over: look again
			stop()
			if look(ctx) {
				return nil, true, true
			}
			if held, err := l.takeOver(ctx); err != nil || held {
				return l.orNil(held), false, true
			}
			continue
		case !wait:
			stop()
			return nil, false, false
		}
		if changed != nil {
			pause = leasePauseMost
		}
		timedOut := rest(ctx, pause, changed) != nil
		stop()
		if look(ctx) {
			return nil, true, true
		}
		if timedOut {
			return nil, false, true
		}
	}
}

type leaseState uint8

const (
	leaseFree  leaseState = iota // it is ours now, and nobody filled the key before
	leaseTaken                   // another server fills the key
	leaseReady                   // another server has just filled it
	leaseSolo                    // what is made cannot be kept
)

// take tries to get the lease.
func (l *Lease) take(ctx context.Context) (leaseState, error) {
	held, err := l.c.store.Set(ctx, l.key, l.token, leaseTTL, IfAbsent)
	if err != nil {
		l.orphan(ctx)
		return leaseTaken, err
	}
	if held {
		l.keep()
		return leaseFree, nil
	}
	now, found, err := l.c.store.Get(ctx, l.key)
	switch {
	case err != nil:
		return leaseTaken, err
	case !found, string(now) == string(markDone):
		return leaseReady, nil
	case string(now) == string(markAlone):
		return leaseSolo, nil
	}
	return leaseTaken, nil
}

// takeOver gets the lease of a key that was filled, and is empty again.
func (l *Lease) takeOver(ctx context.Context) (bool, error) {
	held, err := l.c.swap(ctx, l.key, markDone, l.token, leaseTTL)
	if err == nil && !held {
		held, err = l.c.store.Set(ctx, l.key, l.token, leaseTTL, IfAbsent)
	}
	switch {
	case err != nil:
		l.orphan(ctx)
	case held:
		l.keep()
	}
	return held && err == nil, err
}

func (l *Lease) orNil(held bool) *Lease {
	if held {
		return l
	}
	return nil
}

// keep renews the lease until it is done.
func (l *Lease) keep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(leaseTTL/3, func() {
		l.c.start(func() {
			ctx, cancel := context.WithTimeout(l.c.life, leaseOpTimeout)
			defer cancel()
			// A renewal that fails leaves the lease to others: two may fill
			// then, which is only work done twice.
			_, _ = l.c.swap(ctx, l.key, l.token, l.token, leaseTTL)
			l.mu.Lock()
			defer l.mu.Unlock()
			if !l.over {
				l.timer.Reset(leaseTTL / 3)
			}
		})
	})
}

// Done ends the lease and tells those who wait what to do. It returns at once; a
// nil Lease takes it and does nothing.
func (l *Lease) Done(ctx context.Context, outcome Outcome) {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.over = true
	l.timer.Stop()
	l.mu.Unlock()
	// Neither the client's leaving nor what its request has spent already may
	// keep others waiting.
	ctx = withoutBudget(context.WithoutCancel(ctx))
	l.c.start(func() { l.finish(ctx, outcome) })
}

// finish ends the lease, and tries again while the store does not answer: a
// server that was away for a moment still holds it, and everybody would wait for
// a fill that is over.
func (l *Lease) finish(ctx context.Context, outcome Outcome) {
	begun := time.Now()
	for {
		err := l.tryEnd(ctx, outcome)
		if err == nil {
			return
		}
		if time.Since(begun) > leaseTTL || rest(l.c.life, leasePauseMost, nil) != nil {
			l.c.logFailure(ctx, "lease", err) // it ends by itself
			return
		}
	}
}

func (l *Lease) tryEnd(ctx context.Context, outcome Outcome) error {
	ctx, cancel := context.WithTimeout(ctx, leaseOpTimeout)
	defer cancel()
	return l.end(ctx, outcome)
}

// mostOrphans bounds the leases of which it is unknown whether they are held, and
// that are being ended.
const mostOrphans = 64

// orphan ends a lease that the store may have given without saying so.
func (l *Lease) orphan(ctx context.Context) {
	if l.c.orphans.Add(1) > mostOrphans || !l.c.start(func() {
		defer l.c.orphans.Add(-1)
		l.finish(withoutBudget(context.WithoutCancel(ctx)), FillFailed)
	}) {
		l.c.orphans.Add(-1)
	}
}

func (l *Lease) end(ctx context.Context, outcome Outcome) (err error) {
	switch outcome {
	case FillStored:
		_, err = l.c.swap(ctx, l.key, l.token, markDone, leaseDone)
	case FillAlone:
		_, err = l.c.swap(ctx, l.key, l.token, markAlone, leaseAlone)
	default:
		_, err = l.c.swap(ctx, l.key, l.token, nil, Forever)
	}
	return err
}

// watch tells when a key of the near tier changes; without one, never.
func (c *Cache) watch(gen *generation, base string) (<-chan struct{}, func()) {
	if c.near == nil || !c.near.Verified() {
		return nil, func() {}
	}
	generation, ok := c.nearGeneration(gen)
	if !ok {
		return nil, func() {}
	}
	return c.near.Watch(inGeneration(base, generation))
}

// Lead returns when the caller should make the thing that Get did not find: at
// once, with a lease that others wait for, or when another server has stored it,
// and then found is true and the record is like one of Get. missed is the record
// of the lookup; what the caller then makes, it makes under [Records.Open] of the
// record returned. Call [Lease.Done] when it is stored or is not going to be.
//
// It waits as long as ctx allows and 10 s at most, and never for a store that is
// away or inside the process. Without wait it does not wait for another server's
// fill either: who holds one lease and waits for another may wait for somebody who
// waits for him. good, if not nil, says which records are worth having: a stale
// one is not what the caller waits for.
func (r *Records[T]) Lead(ctx context.Context, key Key, missed Record[T], wait bool, good func(Record[T]) bool) (lease *Lease, rec Record[T], found bool) {
	rec = missed
	if r.c.open() != nil || !r.c.leases() {
		return nil, rec, false
	}
	look := func(ctx context.Context) bool {
		again, there, err := r.Get(ctx, key)
		if err != nil || there && good != nil && !good(again) {
			return false
		}
		rec = again
		return there
	}
	lease, found, _ = r.c.lead(ctx, &r.c.records, key.base(r.c.cfg.Prefix, r.cfg.Kind), wait, look)
	return lease, rec, found
}
