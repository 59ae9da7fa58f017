package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/breaker"
	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/session"
)

// guard keeps requests from waiting for a Redis that does not answer: it bounds
// calls by the budget of their request, and makes none while the breaker is open.
type guard struct{ *breaker.Breaker }

// newGuard returns one that probes as probe does.
func newGuard(logger *slog.Logger, probe func(ctx context.Context, patience time.Duration) error) guard {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return guard{breaker.New(breaker.Config{
		Probe: probe, Answered: answered,
		OnChange: func(open bool, cause error) {
			if open {
				logger.Warn("session/redis: open: Redis does not answer, sessions are not asked for there", "error", cause)
				return
			}
			logger.Info("session/redis: closed: Redis answers again")
		},
	})}
}

// answered reports whether the server has said something, if only no.
func answered(err error) bool {
	var said redis.Error
	var told *rueidis.RedisError
	return errors.As(err, &said) || errors.As(err, &told) || errors.Is(err, session.ErrClosed) || errors.Is(err, redisconn.ErrClosed)
}

// errSpent is a call that was not made.
var errSpent = errors.New("what the request may spend on stores is used up: give it more time or fewer calls")

// call makes one call, for a request.
func (g guard) call(ctx context.Context, op string, call func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return failed(op, err)
	}
	within, done, ok := cache.Spend(ctx)
	if !ok {
		return &awayError{op, errSpent}
	}
	defer done()
	err := g.Do(within, call)
	switch {
	case err == nil:
		return nil
	case answered(err), errors.Is(ctx.Err(), context.Canceled):
		return failed(op, err)
	}
	return &awayError{op, err}
}

// awayError is a call that Redis did not answer. What became of a change is not
// known then.
type awayError struct {
	op  string
	err error
}

func (e *awayError) Error() string { return fmt.Sprintf("session/redis: %s: %v", e.op, e.err) }

// Unwrap returns the cause.
func (e *awayError) Unwrap() error { return e.err }

// Is makes errors.Is(err, session.ErrUnavailable) true.
func (e *awayError) Is(target error) bool { return target == session.ErrUnavailable }

// failed names the package, and says ErrClosed in its words.
func failed(op string, err error) error {
	var named *redisconn.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redisconn.ErrClosed):
		return fmt.Errorf("session/redis: %s: %w", op, session.ErrClosed)
	case errors.As(err, &named): // which says what was asked
		return fmt.Errorf("session/redis: %w", err)
	}
	return fmt.Errorf("session/redis: %s: %w", op, err)
}
