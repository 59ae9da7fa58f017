package janitor_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/session/internal/janitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSweeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls, left := 0, 2500
		j := janitor.Start(time.Minute, nil, func(context.Context) (int, error) {
			calls++
			n := min(left, janitor.Batch)
			left -= n
			return n, nil
		})
		time.Sleep(time.Minute + time.Second) // of the bubble's clock
		synctest.Wait()
		if calls != 3 || left != 0 {
			t.Errorf("%d sweeps, %d left after a minute", calls, left)
		}
		j.Close()
		j.Close()
		time.Sleep(time.Hour)
		if calls != 3 {
			t.Errorf("%d sweeps after Close", calls)
		}
	})
}

func TestIntervals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		interval time.Duration
		want     int
	}{"default": {0, 1}, "never": {-1, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				j := janitor.Start(test.interval, nil, func(context.Context) (int, error) { calls++; return 0, nil })
				defer j.Close()
				time.Sleep(janitor.DefaultInterval + time.Second)
				synctest.Wait()
				if calls != test.want {
					t.Errorf("%d sweeps, want %d", calls, test.want)
				}
			})
		})
	}
}

// TestCloseInterrupts: Close ends a sweep that hangs and waits for it, without a
// word in the log.
func TestCloseInterrupts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ended := false
		j := janitor.Start(time.Minute, slog.New(slog.NewTextHandler(&log, nil)), func(ctx context.Context) (int, error) {
			<-ctx.Done()
			ended = true
			return 0, ctx.Err()
		})
		time.Sleep(time.Minute + time.Second)
		j.Close()
		if !ended || log.Len() > 0 {
			t.Errorf("ended %v, log %s", ended, &log)
		}
	})
}

// TestLogsOnce: a failure is one line until it is over.
func TestLogsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var fails atomic.Bool
		j := janitor.Start(time.Minute, slog.New(slog.NewTextHandler(&log, nil)), func(context.Context) (int, error) {
			if fails.Load() {
				return 0, errors.New("away")
			}
			return 0, nil
		})
		defer j.Close()
		time.Sleep(30 * time.Second) // between two sweeps
		for _, away := range []bool{true, true, false, true} {
			fails.Store(away)
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("%d lines: %s", n, &log)
		}
	})
}
