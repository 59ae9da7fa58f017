package breaker_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/internal/breaker"
)

// server can be away in two ways.
type server struct {
	mode          atomic.Int32
	probes        atomic.Int32
	at, mostAt    atomic.Int32 // probes under way
	opened, close atomic.Int32
}

const (
	well = iota
	refusing
	deaf
)

var errRefused = errors.New("connection refused")

func (s *server) answer(ctx context.Context) error {
	switch s.mode.Load() {
	case refusing:
		return errRefused
	case deaf:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (s *server) probe(ctx context.Context, patience time.Duration) error {
	s.probes.Add(1)
	s.mostAt.Store(max(s.mostAt.Load(), s.at.Add(1)))
	defer s.at.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.answer(ctx)
}

func (s *server) guard() *breaker.Breaker {
	return breaker.New(breaker.Config{Probe: s.probe, OnChange: func(open bool, _ error) {
		if open {
			s.opened.Add(1)
		} else {
			s.close.Add(1)
		}
	}})
}

const budget = 50 * time.Millisecond

// ask makes a call as a request does, and returns how long it took.
func (s *server) ask(t *testing.T, b *breaker.Breaker) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), budget)
	defer cancel()
	begun := time.Now()
	err = b.Do(ctx, s.answer)
	return time.Since(begun), err
}

// TestOpensAndCloses: within 300 ms of the first failed or late call no call is
// made any more, and within 2 s of the server's return they are again. One probe
// runs at a time, and each change is told once.
func TestOpensAndCloses(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]int32{"refusing": refusing, "deaf": deaf} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &server{}
				b := s.guard()
				defer b.Close()
				if _, err := s.ask(t, b); err != nil {
					t.Fatal(err)
				}
				s.mode.Store(mode)
				begun := time.Now()
				for b.Open() == nil && time.Since(begun) < time.Minute {
					for range 3 {
						go func() { _, _ = s.ask(t, b) }()
					}
					time.Sleep(20 * time.Millisecond)
				}
				if took := time.Since(begun); took > 300*time.Millisecond {
					t.Errorf("open after %v", took)
				}
				synctest.Wait()
				took, err := s.ask(t, b)
				var open *breaker.OpenError
				if !errors.As(err, &open) || took != 0 {
					t.Errorf("a call while open: %v after %v", err, took)
				}
				time.Sleep(10 * time.Second)
				s.mode.Store(well)
				begun = time.Now()
				for b.Open() != nil && time.Since(begun) < time.Minute {
					time.Sleep(10 * time.Millisecond)
				}
				if took := time.Since(begun); took > 2*time.Second {
					t.Errorf("closed after %v", took)
				}
				synctest.Wait()
				if s.mostAt.Load() != 1 || s.opened.Load() != 1 || s.close.Load() != 1 {
					t.Errorf("%d probes at once; told %d times of opening, %d of closing", s.mostAt.Load(), s.opened.Load(), s.close.Load())
				}
			})
		})
	}
}

// TestOneFailure: a call that failed while the server is well opens nothing.
func TestOneFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		b := s.guard()
		defer b.Close()
		for range 20 {
			if err := b.Do(t.Context(), func(context.Context) error { return errRefused }); !errors.Is(err, errRefused) {
				t.Fatal(err)
			}
			synctest.Wait()
			if b.Open() != nil {
				t.Fatal("open although the probe was answered")
			}
			time.Sleep(time.Second)
		}
		if s.probes.Load() != 20 || s.opened.Load() != 0 {
			t.Errorf("%d probes, want 20; told %d times", s.probes.Load(), s.opened.Load())
		}
	})
}

// TestManyFailures: if most calls fail it opens, whatever the probe says.
func TestManyFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		b := s.guard()
		defer b.Close()
		for range 5 {
			_ = b.Do(t.Context(), func(context.Context) error { return errRefused })
		}
		if b.Open() == nil {
			t.Fatal("closed after five failures at once")
		}
		time.Sleep(2 * time.Second)
		if b.Open() != nil {
			t.Error("still open")
		}
	})
}

// TestSaysNothing: what is not the server's fault makes nobody probe.
func TestSaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		b := s.guard()
		defer b.Close()
		s.mode.Store(deaf)
		left, leave := context.WithCancel(t.Context())
		leave()
		hurry, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for _, ctx := range []context.Context{left, hurry} {
			if err := b.Do(ctx, s.answer); !errors.Is(err, ctx.Err()) {
				t.Errorf("got %v", err)
			}
		}
		synctest.Wait()
		if s.probes.Load() != 0 {
			t.Errorf("%d probes", s.probes.Load())
		}
	})
}

// TestClose: nothing goes on afterwards, also while a probe waits.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.mode.Store(deaf)
		b := s.guard()
		_, _ = s.ask(t, b)
		b.Close()
		b.Close()
		if s.at.Load() != 0 {
			t.Error("a probe is under way")
		}
		_, _ = s.ask(t, b)
		synctest.Wait()
		if s.at.Load() != 0 {
			t.Error("a probe began after Close")
		}
	})
}

// TestOpensWhileItCloses: who is told that it has closed may use the server at
// once, and open it again by that. That is told, too: changes alternate.
func TestOpensWhileItCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		var told []bool // of the one goroutine
		var b *breaker.Breaker
		fail := func() {
			for range 5 {
				_ = b.Do(t.Context(), func(context.Context) error { return errRefused })
			}
		}
		b = breaker.New(breaker.Config{Probe: s.probe, OnChange: func(open bool, _ error) {
			if told = append(told, open); !open && len(told) == 2 {
				fail()
			}
		}})
		defer b.Close()
		fail()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if b.Open() != nil || !slices.Equal(told, []bool{true, false, true, false}) {
			t.Errorf("open: %v; told %v, want true, false, true, false", b.Open(), told)
		}
	})
}
