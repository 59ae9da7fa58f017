package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/redisconn"
)

// read calls f, which changes nothing on the server.
//
// The two ways are no interface: the compiler sees through both that f stays on
// the stack, with all that it captures, and a Get allocates its value and
// nothing else.
func (s *Store) read(ctx context.Context, what string, f redisconn.Func) error {
	if s.link == nil {
		return failure(s.direct.call(ctx, what, f))
	}
	began := time.Now()
	err := s.link.Read(ctx, what, f)
	s.calls.note(began, err)
	return failure(err)
}

// write calls f, which may change something.
func (s *Store) write(ctx context.Context, what string, f redisconn.Func) error {
	if s.link == nil {
		return failure(s.direct.call(ctx, what, f))
	}
	began := time.Now()
	err := s.link.Write(ctx, what, f)
	s.calls.note(began, err)
	return failure(err)
}

// nothing is a call that has nothing to do.
func (s *Store) nothing(ctx context.Context) error {
	if s.link == nil {
		return ctx.Err()
	}
	return failure(s.link.Err())
}

// direct is the way of the one who verifies: to a client that is not open for
// anybody else yet.
type direct struct {
	client  rueidis.Client
	target  redisconn.Target
	timeout time.Duration
}

func (d direct) call(ctx context.Context, what string, f redisconn.Func) error {
	within, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	err := f(within, d.client)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &redisconn.Error{What: what + ": " + ctx.Err().Error(), Addr: d.target.Addr(), Remedy: "give the call more time or ignore it", Err: ctx.Err()}
	}
	return redisconn.Failure(d.target, d.timeout, what, err)
}

// verifier is verify as the link asks it.
func (s *Store) verifier(verify cache.Verifier, timeout time.Duration) redisconn.VerifyFunc {
	if verify == nil {
		return nil
	}
	return func(ctx context.Context, c rueidis.Client, servers []redisconn.Server) error {
		view := &Store{
			direct: direct{client: c, target: s.target, timeout: timeout},
			target: s.target, prefix: s.prefix, spread: s.spread, probes: s.probes,
		}
		incarnations := make([]cache.Incarnation, len(servers))
		for i, server := range servers {
			incarnations[i] = cache.Incarnation{RunID: server.RunID, Place: server.Place}
		}
		return verify(ctx, view, incarnations)
	}
}
