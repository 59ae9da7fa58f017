package breaker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a [Breaker] is made of. Only Probe is required.
type Config struct {
	// Probe asks the server, as a call would, and returns nil if it answers
	// within patience: the time that the call had which made it suspect.
	// Connecting may take longer than that, until the end of ctx.
	Probe func(ctx context.Context, patience time.Duration) error
	// Answered reports whether an error is an answer of the server: then it is
	// there. nil: none is.
	Answered func(err error) bool
	// Timeout bounds a probe, connecting included. Defaults to 500 ms.
	Timeout time.Duration
	// Every is the time between two probes while open. Defaults to 250 ms.
	Every time.Duration
	// OnChange is called after every change, by one goroutine and in order. nil:
	// nobody.
	OnChange func(open bool, cause error)
}

const (
	defaultTimeout = 500 * time.Millisecond
	defaultEvery   = 250 * time.Millisecond
	// failures within window open it whatever a probe says.
	failures = 5
	window   = 250 * time.Millisecond
	// fair is the shortest time in which a server has to answer before it can be
	// blamed: a call that had less says nothing.
	fair = 25 * time.Millisecond
	// young is how soon after it closed an outage is the last one again: who
	// comes and goes is probed later each time.
	young = 2 * time.Second
)

// Breaker lets calls through while their server answers. The first call that
// fails or is late makes the server suspect: it is probed at once, and if that
// fails too, or other calls fail meanwhile, the breaker is open. It is safe for
// concurrent use.
type Breaker struct {
	cfg   Config
	judge *Judge
	open  atomic.Pointer[OpenError] // nil: closed

	mu      sync.Mutex
	probing bool
	closed  time.Time // when it closed the last time
	quick   int       // outages in a row that followed one another at once
	ended   bool
	jobs    sync.WaitGroup

	life context.Context
	stop context.CancelFunc
}

// OpenError is a call that was not made.
type OpenError struct {
	// Since is when the breaker opened, Cause what opened it.
	Since time.Time
	Cause error
}

func (e *OpenError) Error() string {
	return fmt.Sprintf("not asked, for it does not answer since %s: %v", e.Since.UTC().Format(time.RFC3339), e.Cause)
}

// Unwrap returns Cause.
func (e *OpenError) Unwrap() error { return e.Cause }

// New returns a breaker that begins closed: it believes in the server until that
// fails. Close it when it is not needed any more.
func New(cfg Config) *Breaker {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Every <= 0 {
		cfg.Every = defaultEvery
	}
	if cfg.Answered == nil {
		cfg.Answered = func(error) bool { return false }
	}
	b := &Breaker{cfg: cfg, judge: NewJudge(failures, window)}
	b.life, b.stop = context.WithCancel(context.Background())
	return b
}

// Open returns why no call is made, nil while calls are.
func (b *Breaker) Open() error {
	if e := b.open.Load(); e != nil {
		return e
	}
	return nil
}

// Do makes a call, or returns an *OpenError. call must honour the deadline of ctx.
func (b *Breaker) Do(ctx context.Context, call func(context.Context) error) error {
	if err := b.Open(); err != nil {
		return err
	}
	began := time.Now()
	err := call(ctx)
	b.judgeCall(ctx, began, err)
	return err
}

// judgeCall learns from the end of a call.
func (b *Breaker) judgeCall(ctx context.Context, began time.Time, err error) {
	now := time.Now()
	took := now.Sub(began)
	switch {
	case err == nil || b.cfg.Answered(err):
		b.judge.OK(now)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		// The caller has left.
	case isTimeout(err) && took < fair:
		// It had too little time.
	case isTimeout(err):
		b.suspect(err, took, b.judge.Slow(now))
	default:
		b.suspect(err, 0, b.judge.Failed(began, now, false))
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// suspect has the server probed, unless somebody does already; with now the
// breaker opens at once.
func (b *Breaker) suspect(cause error, patience time.Duration, now bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	if patience <= 0 || patience > b.cfg.Timeout {
		patience = b.cfg.Timeout
	}
	if now {
		b.open.CompareAndSwap(nil, &OpenError{Since: time.Now(), Cause: cause})
	}
	if !b.probing {
		b.probing = true
		b.jobs.Go(func() { b.watch(patience) })
	}
}

// watch probes until the server answers. It is the only goroutine that closes the
// breaker.
func (b *Breaker) watch(patience time.Duration) {
	told := false
	for first := true; ; first = false {
		if open := b.open.Load(); open != nil {
			if !told && b.cfg.OnChange != nil {
				b.cfg.OnChange(true, open.Cause)
			}
			told = true
		}
		if pause := b.pause(first); !b.sleep(pause) {
			return
		}
		err := b.probe(patience)
		switch {
		case b.life.Err() != nil:
			return
		case err == nil && b.close(told):
			return
		case err == nil:
			told = false // it has opened again meanwhile, which is news
		default:
			b.open.CompareAndSwap(nil, &OpenError{Since: time.Now(), Cause: err})
		}
	}
}

// pause is the time before a probe. The first one is made at once, but for who
// comes and goes: it waits up to four times Every.
func (b *Breaker) pause(first bool) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !first:
		return b.cfg.Every
	case b.Open() == nil || time.Since(b.closed) > young:
		b.quick = 0
		return 0
	}
	b.quick++
	return b.cfg.Every << min(b.quick-1, 2)
}

func (b *Breaker) sleep(d time.Duration) bool {
	if d == 0 {
		return b.life.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-b.life.Done():
		return false
	}
}

func (b *Breaker) probe(patience time.Duration) error {
	ctx, cancel := context.WithTimeout(b.life, b.cfg.Timeout)
	defer cancel()
	return b.cfg.Probe(ctx, patience)
}

// close ends an outage, or a suspicion; told says whether somebody has been told
// of it. It is false if the breaker opened meanwhile: then the next probe decides.
func (b *Breaker) close(told bool) bool {
	if told {
		b.mu.Lock()
		b.open.Store(nil)
		b.closed = time.Now()
		b.mu.Unlock()
		b.judge.Reset()
		if b.cfg.OnChange != nil {
			b.cfg.OnChange(false, nil)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open.Load() != nil {
		return false
	}
	b.probing = false
	return true
}

// Close ends the probing and waits for it. It is idempotent. Calls go on as the
// state was.
func (b *Breaker) Close() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	b.stop()
	b.jobs.Wait()
}
