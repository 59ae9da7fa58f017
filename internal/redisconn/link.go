package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

const (
	// firstPause and longestPause are between attempts to connect.
	firstPause   = 50 * time.Millisecond
	longestPause = 500 * time.Millisecond
	// renewEvery is how often at most a connection is given up because the
	// server says that it is not the primary.
	renewEvery = time.Second
	// mostInFlight is how many commands may be on their way at once. rueidis
	// queues 1024; who comes when its queue is full waits for a place without
	// looking at the context.
	mostInFlight = 1000
	// manyInFlight is from when on commands are gathered.
	manyInFlight = 8
)

// Link is a rueidis client that may be away. One goroutine connects, and after
// a loss connects again until it succeeds; nobody else dials a single server.
// Calls while the first attempt since the loss runs wait for it, for at most the
// socket timeout; once it has failed, calls fail at once.
//
// With Sentinel and Cluster the goroutine opens the client, and rueidis itself
// follows the topology from then on, on connections that the link gives it.
//
// Link is safe for concurrent use.
type Link struct {
	target Target
	policy Policy
	log    *slog.Logger
	option rueidis.ClientOption
	verify VerifyFunc // nil without
	nodes  *nodes     // nil for a single server

	state   atomic.Pointer[linkState]
	slots   chan struct{} // holds one element for each command on its way
	wake    chan struct{} // an attempt to connect is wanted now
	renewed atomic.Int64  // Unix nanoseconds of the last renew
	// deadlines are for callers whose contexts never end.
	deadlines deadlines

	life context.Context // ends with Close
	stop context.CancelFunc
	done chan struct{} // closed when the goroutines have gone
	old  sync.WaitGroup
	away bool // has been logged; only the link's goroutine uses it
}

// linkState is what a link knows at one time. It does not change; the next
// state takes its place, and then changed is closed.
type linkState struct {
	session *session // nil unless connected
	err     error    // why not; nil while the first attempt runs
	closed  bool
	changed chan struct{}
}

// session is one client, which for a single server is one connection.
type session struct {
	client rueidis.Client
	lost   chan error // buffered by one: why it ended
}

// end tells the link's goroutine that the session is over. The first reason
// counts.
func (s *session) end(err error) {
	select {
	case s.lost <- err:
	default:
	}
}

// errNotSent says that a command never left: its session had ended before.
var errNotSent = errors.New("redisconn: the connection was lost before the command was sent")

// Open starts to connect to target and returns at once, whether there is a
// server or not; errors are those of target, policy and certificates. ctx ends
// nothing but this call; its values reach the logger. logger gets one line for
// each change between connected and away; nil discards them.
func Open(ctx context.Context, target Target, policy Policy, logger *slog.Logger) (*Link, error) {
	return OpenVerified(ctx, target, policy, logger, nil)
}

// OpenVerified is Open with a question before a server is used: see VerifyFunc.
// A nil verify asks nothing. The user of the URL needs the permission for INFO,
// and on a Cluster for CLUSTER SLOTS. There, commands without a key are for a
// server that Primaries has told: those that rueidis sends anywhere would fail at
// replicas, which a verified link does not connect to.
func OpenVerified(ctx context.Context, target Target, policy Policy, logger *slog.Logger, verify VerifyFunc) (*Link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	policy, err := policy.withDefaults(target)
	if err != nil {
		return nil, err
	}
	option, err := rueidisOptions(target, policy)
	if err != nil {
		return nil, err
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	l := &Link{
		target: target, policy: policy, log: logger, option: option, verify: verify,
		slots: make(chan struct{}, mostInFlight), wake: make(chan struct{}, 1), done: make(chan struct{}),
		deadlines: deadlines{grain: policy.SocketTimeout / 16},
	}
	l.life, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.state.Store(&linkState{changed: make(chan struct{})})
	if target.Kind() != Standalone {
		l.nodes = newNodes(l)
	}
	go l.run()
	return l, nil
}

// busy reports whether so many commands are on their way that they are better
// sent in groups.
func (l *Link) busy() bool { return len(l.slots) >= manyInFlight }

// Target returns where the link leads.
func (l *Link) Target() Target { return l.target }

// Close ends the link and waits for its goroutine. Commands on their way are
// answered or fail. It is idempotent.
func (l *Link) Close() error {
	l.stop()
	<-l.done
	return nil
}

// run owns the session: it alone connects, and alone closes what it opened.
func (l *Link) run() {
	defer close(l.done)
	pause := firstPause
	for l.life.Err() == nil {
		begin := time.Now()
		if s, err := l.connect(); err != nil {
			l.down(err)
		} else {
			l.up()
			l.hold(s)
			if time.Since(begin) > longestPause {
				pause = firstPause
				continue // at once: it is one loss, not one that repeats itself
			}
		}
		l.sleep(pause)
		pause = min(2*pause, longestPause)
	}
	l.become(&linkState{closed: true})
	l.old.Wait()
	if l.nodes != nil {
		l.nodes.dials.close()
	}
}

// down lets calls fail with err, and logs the first time since up.
func (l *Link) down(err error) {
	if !l.away && l.life.Err() == nil {
		l.log.WarnContext(l.life, "redis: unavailable", "addr", l.target.Addr(), "error", err)
	}
	l.away = true
	l.become(&linkState{err: err})
}

// up logs the first time since down.
func (l *Link) up() {
	if l.away {
		l.log.InfoContext(l.life, "redis: available again", "addr", l.target.Addr())
	}
	l.away = false
}

// hold lets calls use the session until it is over.
func (l *Link) hold(s *session) {
	l.become(&linkState{session: s})
	if l.nodes != nil && l.verify != nil {
		l.follow(s)
	} else {
		select {
		case err := <-s.lost:
			l.log.DebugContext(l.life, "redis: connection lost", "addr", l.target.Addr(), "error", err)
			l.become(&linkState{})
		case <-l.life.Done():
		}
	}
	if l.life.Err() != nil {
		l.become(&linkState{closed: true})
	}
	l.old.Go(func() { l.retire(s) })
}

// retire closes the client of a session that is over when the last call that
// may have got hold of it has ended: not every one is over because its
// connection is.
func (l *Link) retire(s *session) {
	timer := time.NewTimer(l.policy.SocketTimeout)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.life.Done():
	}
	s.client.Close()
}

// become replaces the state and tells those who wait.
func (l *Link) become(next *linkState) {
	next.changed = make(chan struct{})
	close(l.state.Swap(next).changed)
}

// sleep waits for about d, less if somebody wants an attempt now. The share of
// chance keeps many servers from coming back in step.
func (l *Link) sleep(d time.Duration) {
	timer := time.NewTimer(d/2 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.wake:
	case <-l.life.Done():
	}
}

// connect makes one attempt.
func (l *Link) connect() (*session, error) {
	s := &session{lost: make(chan error, 1)}
	option := l.option
	switch {
	case l.nodes == nil:
		option.DialCtxFn = l.dialFor(s)
	case l.verify != nil:
		if err := l.nodes.secure(); err != nil {
			return nil, err
		}
		option = l.nodes.optionFor(l.nodes.told)
		fallthrough
	default:
		option.DialCtxFn = l.nodes.dial
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		if client != nil {
			client.Close()
		}
		return nil, l.explain(err)
	}
	s.client = client
	if l.nodes == nil && l.verify != nil {
		if err := l.verifySingle(s); err != nil {
			client.Close()
			return nil, err
		}
	}
	return s, nil
}

// explain says why a client could not be opened. Of several servers rueidis does
// not tell which one it was, so they are asked again.
func (l *Link) explain(err error) error {
	if l.nodes != nil && l.life.Err() == nil {
		_, known := l.nodes.survey()
		// Only a VerifyFunc needs the permission for what the survey asks last.
		if text, _ := answerText(known); known != nil && (l.verify != nil || !strings.HasPrefix(text, "NOPERM")) {
			return known
		}
	}
	return l.failure(connecting, err)
}

// dialFor returns the dial function of one session with a single server, which is
// dialled once a session. rueidis would dial again from whichever caller comes
// first, and let the others wait for that one whatever their contexts say.
func (l *Link) dialFor(s *session) func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
	d := dialer{network: l.target.Network(), connect: l.policy.ConnectTimeout, wrap: watch(l.policy.SocketTimeout, l.busy, s.end)}
	var dialled atomic.Bool
	return func(_ context.Context, addr string, _ *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		if dialled.Swap(true) {
			return nil, errNotSent
		}
		return d.dial(l.life, addr, cfg)
	}
}
