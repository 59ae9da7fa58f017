package session_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/memory"
)

// swapping is a store in memory whose Swap a test can replace.
type swapping struct {
	*memory.Store
	swap func(ctx context.Context, key string, old []byte, rec session.Record) (bool, error)
}

func (s *swapping) Swap(ctx context.Context, key string, old []byte, rec session.Record) (bool, error) {
	if s.swap != nil {
		return s.swap(ctx, key, old, rec)
	}
	return s.Store.Swap(ctx, key, old, rec)
}

func newSwapping(t *testing.T, cfg session.Config) (*session.Manager, *swapping) {
	t.Helper()
	rows := memory.New(memory.Config{CleanUp: -1})
	t.Cleanup(func() { _ = rows.Close() })
	s := &swapping{Store: rows}
	cfg.Store, cfg.StoreBudget = s, time.Minute // the clock decides nothing here
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

// TestMergeParallel: 300 changes of one session, 8 at a time, are all there,
// whatever the codec.
func TestMergeParallel(t *testing.T) {
	t.Parallel()
	for _, codec := range []scs.Codec{nil, scs.GobCodec{}} {
		m, _ := newSwapping(t, session.Config{Codec: codec})
		token := start(t, m)
		keys := make(chan string)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for key := range keys {
					ctx := m.Context(t.Context(), token)
					m.Put(ctx, key, true)
					if _, _, err := m.Commit(ctx); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for n := range 300 {
			keys <- strconv.Itoa(n)
		}
		close(keys)
		wg.Wait()
		if got := len(m.Keys(m.Context(t.Context(), token))) - 1; got != 300 {
			t.Errorf("%T: %d of 300", codec, got)
		}
	}
}

// TestMergeFailures: a conflict that does not end, or cannot be looked into, is
// a failure of the store; one with an ended session is its end.
func TestMergeFailures(t *testing.T) {
	t.Parallel()
	m, s := newSwapping(t, session.Config{})
	change := func(t *testing.T, token string) error {
		t.Helper()
		ctx := m.Context(t.Context(), token)
		m.Put(ctx, "k", "changed")
		_, _, err := m.Commit(ctx)
		return err
	}
	var failed *session.StoreError
	token, tries := start(t, m), 0
	s.swap = func(context.Context, string, []byte, session.Record) (bool, error) { tries++; return false, nil }
	if err := change(t, token); !errors.As(err, &failed) || tries < 3 {
		t.Errorf("a conflict without end: %v after %d tries", err, tries)
	}
	s.swap = func(context.Context, string, []byte, session.Record) (bool, error) { return false, errAway }
	if err := change(t, token); !errors.As(err, &failed) || !errors.Is(err, errAway) {
		t.Errorf("a store that fails: %v", err)
	}
	s.swap = func(ctx context.Context, key string, _ []byte, _ session.Record) (bool, error) {
		_, err := s.Store.Remove(ctx, key)
		return false, err
	}
	if err := change(t, token); !errors.Is(err, session.ErrSessionGone) {
		t.Errorf("an ended session: %v", err)
	}
	s.swap = nil
	if err := change(t, start(t, m)); err != nil {
		t.Error(err)
	}
}

// TestMergeNot: where the store cannot compare, the last request wins as a whole.
func TestMergeNot(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{})
	token := start(t, m)
	slow := m.Context(t.Context(), token)
	m.Put(slow, "slow", 1)
	quick := m.Context(t.Context(), token)
	m.Put(quick, "quick", 1)
	for _, ctx := range []context.Context{quick, slow} {
		if _, _, err := m.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if ctx := m.Context(t.Context(), token); m.Exists(ctx, "quick") || !m.Exists(ctx, "slow") {
		t.Errorf("keys %q", m.Keys(ctx))
	}
}
