package failover

import (
	"context"
	"errors"
	"fmt"

	"github.com/echoic-go/echoic/cache"
)

// errClosed is what every call returns after Close.
var errClosed = fmt.Errorf("failover: %w", cache.ErrClosed)

// Why a call could not be made. They are causes of a degradedError.
var (
	errSpent      = errors.New("the budget of the request is used up: give it more time or fewer calls")
	errNoFallback = errors.New("the primary is away, and there is no fallback: set Config.Fallback")
	errFull       = errors.New("the primary is away, and the fallback has all the calls that it may have")
	errExclusion  = errors.New("the primary is away, and without it nobody can be excluded")
	errCounting   = errors.New("the primary is away, and without it the sum would be wrong: use failover.BestEffort if that is good enough")
	errMixed      = errors.New("the primary has come back between two steps that belong together: try again")
	errFresh      = errors.New("the fallback is being prepared")
)

// degradedError is a call that failed because a store is away.
type degradedError struct {
	what  string
	cause error
}

func (e *degradedError) Error() string   { return "failover: " + e.what + ": " + e.cause.Error() }
func (e *degradedError) Unwrap() []error { return []error{cache.ErrDegraded, e.cause} }

func unavailable(what string, cause error) error { return &degradedError{what: what, cause: cause} }

// isAnswer reports whether an error of the fallback is about what it was asked
// for. A database says in many ways that it is away, so those that say something
// else are listed.
func isAnswer(err error) bool {
	for _, answer := range []error{cache.ErrNotFound, cache.ErrNotInteger, cache.ErrOverflow, cache.ErrInvalidKey, cache.ErrTooLarge, cache.ErrUnsupported} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}

type bestEffortKey struct{}

// BestEffort returns a context under which Incr counts in the fallback while the
// primary is away: with what others count in the primary it does not agree, and
// it is lost with the outage.
func BestEffort(ctx context.Context) context.Context {
	return context.WithValue(ctx, bestEffortKey{}, true)
}

func isBestEffort(ctx context.Context) bool {
	yes, _ := ctx.Value(bestEffortKey{}).(bool)
	return yes
}
