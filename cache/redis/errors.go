package redis

import (
	"errors"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/redisconn"
)

// storeError gives an error of the link the meaning that it has for the cache.
type storeError struct {
	meaning error // ErrDegraded or ErrClosed
	cause   error
}

func (e *storeError) Error() string   { return e.cause.Error() }
func (e *storeError) Unwrap() []error { return []error{e.meaning, e.cause} }

// failure is what the answer err to a command means for callers.
func (s *Store) failure(what string, err error) error {
	return failure(redisconn.Failure(s.target, 0, what, err))
}

// failure returns err as callers of the store are to see it.
func failure(err error) error {
	switch {
	case errors.Is(err, redisconn.ErrClosed):
		return &storeError{meaning: cache.ErrClosed, cause: err}
	case errors.Is(err, redisconn.ErrUnavailable):
		return &storeError{meaning: cache.ErrDegraded, cause: err}
	}
	return err
}
