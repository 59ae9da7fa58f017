package redisconn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Func sends commands through c and returns their error as it came, nil answers
// dealt with. It uses ctx, which need not have the values of the caller's
// context, and not that context, and keeps nothing of c. It may be called again,
// when what it did has no effect yet.
type Func func(ctx context.Context, c rueidis.Client) error

// Read calls f, which changes nothing on the server. It ends within twice the
// socket timeout, and within ctx.
//
// The error is an *Error. It wraps ErrClosed after Close, the context's error if
// ctx has ended, and ErrUnavailable if the server is away or says "not now".
func (l *Link) Read(ctx context.Context, what string, f Func) error {
	tries := 1
	if l.policy.RetryOnTimeout {
		tries = 2
	}
	return l.call(ctx, what, tries, f, true)
}

// Write calls f, which may change something. Apart from that it is like Read;
// f is not repeated once something may have reached the server.
func (l *Link) Write(ctx context.Context, what string, f Func) error {
	// On a cluster some of its commands may have reached other nodes.
	return l.call(ctx, what, 1, f, l.target.Kind() != Cluster)
}

// Ping connects now, if the link is away, and asks the server, or any node of a
// Cluster, whether it is there. It waits for as long as one attempt to connect may take, and ends with
// ctx. The error names the address and what to do.
func (l *Link) Ping(ctx context.Context) error {
	const what = "ping"
	s := l.state.Load()
	if s.err != nil {
		select {
		case l.wake <- struct{}{}:
		default:
		}
		if s = l.wait(ctx, s, time.Now().Add(l.policy.ConnectTimeout+2*l.policy.SocketTimeout)); s.err != nil {
			return l.unavailable(what, s.err)
		}
	}
	limit := time.Now().Add(l.policy.ConnectTimeout + l.policy.SocketTimeout)
	if s.session == nil && !s.closed {
		l.wait(ctx, s, limit)
	}
	return l.Write(ctx, what, l.ping)
}

// ping asks a server whether it is there. Of a Cluster one that answers is
// enough; which one rueidis would ask is a matter of chance, and it may be a
// replica, to which there are no connections.
func (l *Link) ping(ctx context.Context, c rueidis.Client) (err error) {
	if l.target.Kind() != Cluster {
		return c.Do(ctx, c.B().Ping().Build()).Error()
	}
	err = errNoNode
	for _, node := range c.Nodes() {
		failure := node.Do(ctx, node.B().Ping().Build()).Error()
		if failure == nil {
			return nil
		}
		if !errors.Is(failure, rueidis.ErrClosing) {
			err = failure
		}
	}
	return err
}

// Err returns an error that wraps ErrClosed after Close, and else nil: for calls
// that need no server.
func (l *Link) Err() error {
	if l.life.Err() != nil {
		return l.closed("call")
	}
	return nil
}

// call makes up to so many tries. again says whether one that met an unverified
// server is repeated when it has been verified.
func (l *Link) call(ctx context.Context, what string, tries int, f Func, again bool) error {
	begin := time.Now()
	limit := begin.Add(2 * l.policy.SocketTimeout)
	soon := begin.Add(l.policy.SocketTimeout)
	for {
		s, err := l.connected(ctx, what, limit)
		if err != nil {
			return err
		}
		err = l.attempt(ctx, s.session.client, limit, f)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return l.ended(ctx, what)
		case errors.Is(err, errNotSent):
			l.wait(ctx, s, limit)
			continue
		case again && errors.Is(err, errVerifying) && time.Now().Before(soon):
			l.wait(ctx, s, soon)
			continue
		case l.state.Load().closed:
			return l.closed(what)
		}
		tries--
		if _, answered := answerText(err); answered || tries == 0 || !time.Now().Before(limit) {
			l.renewIfReplica(s.session, err)
			return l.failure(what, err)
		}
	}
}

// connected returns a state with a session. It waits for the first attempt to
// connect, and for nothing else.
func (l *Link) connected(ctx context.Context, what string, limit time.Time) (*linkState, error) {
	s := l.state.Load()
	if s.session == nil && s.err == nil && !s.closed && ctx.Err() == nil {
		s = l.wait(ctx, s, earlier(limit, time.Now().Add(l.policy.SocketTimeout)))
	}
	switch {
	case s.closed:
		return nil, l.closed(what)
	case ctx.Err() != nil:
		return nil, l.ended(ctx, what)
	case s.err != nil:
		return nil, l.unavailable(what, s.err)
	case s.session == nil, !time.Now().Before(limit):
		return nil, &Error{What: what + ": no connection yet", Addr: l.target.Addr(), Remedy: "look whether the server runs and the URL is right", Unavailable: true}
	}
	return s, nil
}

// wait returns the state that follows s, or the present one when limit has
// passed or ctx has ended.
func (l *Link) wait(ctx context.Context, s *linkState, limit time.Time) *linkState {
	timer := time.NewTimer(time.Until(limit))
	defer timer.Stop()
	select {
	case <-s.changed:
	case <-ctx.Done():
	case <-timer.C:
	}
	return l.state.Load()
}

// attempt calls f once, within the socket timeout.
func (l *Link) attempt(ctx context.Context, c rueidis.Client, limit time.Time, f Func) error {
	limit = earlier(limit, time.Now().Add(l.policy.SocketTimeout))
	if own, ok := ctx.Deadline(); !ok || limit.Before(own) {
		var stop context.CancelFunc
		ctx, stop = l.deadlines.within(ctx, limit)
		defer stop()
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if l.nodes != nil && !l.nodes.dials.settled() {
		c = impatient{c}
	}
	err := f(ctx, c)
	if err != nil && ctx.Err() != nil {
		// The command has been left alone in rueidis' queue, and has its place
		// there until the answer comes or the connection is given up.
		time.AfterFunc(l.policy.SocketTimeout, l.release)
		return ctx.Err()
	}
	l.release()
	return err
}

func (l *Link) release() { <-l.slots }

// renewIfReplica gives the connection up if the server says that it is not, or
// no longer, the primary: the name in the URL may lead to the new one.
func (l *Link) renewIfReplica(s *session, err error) {
	text, _ := answerText(err)
	if l.target.Kind() != Standalone || !strings.HasPrefix(text, "READONLY") && !strings.HasPrefix(text, "MASTERDOWN") {
		return
	}
	now, last := time.Now(), l.renewed.Load()
	if now.Sub(time.Unix(0, last)) < renewEvery || !l.renewed.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	s.end(err)
}

func (l *Link) closed(what string) error {
	return &Error{What: what + ": closed", Addr: l.target.Addr(), Remedy: "do not use it after Close", Err: ErrClosed}
}

// unavailable is a call that was not tried because cause is known.
func (l *Link) unavailable(what string, cause error) error {
	var e *Error
	if !errors.As(cause, &e) {
		return l.failure(what, cause)
	}
	own := *e
	own.What = fmt.Sprintf("%s: %s", what, e.What)
	own.Unavailable = true
	return &own
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
