package console

import (
	"context"
	"errors"
	"net"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/session"
)

const (
	unavailableText = "What this needs does not answer, or takes no writes: the overview says more. Nothing was acknowledged."
	// retryAfter is in seconds.
	retryAfter = "5"
)

// unavailable reports an error of a server that is away, too slow, or refuses its
// work: no fault of the console's.
func unavailable(err error) bool {
	var store *session.StoreError
	var network net.Error
	var database interface{ SQLState() string } // of Postgres' drivers
	return errors.Is(err, cache.ErrDegraded) || errors.Is(err, session.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &store) || errors.As(err, &network) || errors.As(err, &database)
}
