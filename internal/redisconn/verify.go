package redisconn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Server is one run of one primary.
type Server struct {
	// RunID is what INFO server calls run_id: new with every start of the
	// process.
	RunID string
	// Place is empty for a single server and a Sentinel's primary. On a Cluster
	// it is a hash tag ("{…}"): a key with it is kept by this primary.
	Place string
	// Addr is host:port, or the path of a unix socket.
	Addr string
}

// VerifyFunc is asked before calls may use a server that they have not used so
// far: after every connect to a single server; with Sentinel and Cluster at the
// start, and when a primary is another process than before, or has become the
// primary. It does what has to be done before the data can be trusted, and
// returns nil when they can.
//
// c is open for it alone; until it returns, calls of the link wait for at most
// the socket timeout and then fail with ErrUnavailable. After an error it is
// asked again. ctx ends with the link; c fails when the connection is lost.
type VerifyFunc func(ctx context.Context, c rueidis.Client, servers []Server) error

// errVerifying is why calls fail while a VerifyFunc takes its time.
var errVerifying = errors.New("not verified yet: the server has missed invalidations")

const (
	verifying      = "verify"
	verifyingLater = "wait until they have been replayed"
)

// verified asks the link's VerifyFunc about a new connection. Calls that come
// meanwhile wait; when it takes longer than they may, they are told at once.
func (l *Link) verified(ctx context.Context, c rueidis.Client, servers []Server) error {
	done := make(chan error, 1)
	go func() { done <- l.verify(ctx, c, servers) }()
	timer := time.NewTimer(l.policy.SocketTimeout)
	defer timer.Stop()
	var err error
	select {
	case err = <-done:
	case <-timer.C:
		l.down(&Error{What: errVerifying.Error(), Addr: l.target.Addr(), Remedy: verifyingLater, Unavailable: true, Err: errVerifying})
		err = <-done
	}
	if err != nil {
		return &Error{What: verifying + ": " + err.Error(), Addr: l.target.Addr(), Remedy: "see why invalidations cannot be replayed", Unavailable: true, Err: err}
	}
	return nil
}

// verifySingle asks about the only server of a session.
func (l *Link) verifySingle(s *session) error {
	ctx, cancel := context.WithTimeout(l.life, l.policy.ConnectTimeout)
	defer cancel()
	info, err := s.client.Do(ctx, s.client.B().Info().Section("server").Build()).ToString()
	if err != nil {
		return l.failure(runIDCommand, err)
	}
	id, err := runID(info)
	if err != nil {
		return l.failure(runIDCommand, err)
	}
	return l.verified(l.life, s.client, []Server{{RunID: id, Addr: l.target.addrs[0]}})
}

// runIDCommand needs a permission of its own, which ACL users may lack.
const runIDCommand = "info server"

// runID finds the run id in the answer to INFO server.
func runID(info string) (string, error) {
	if id := infoField(info, "run_id"); id != "" {
		return id, nil
	}
	return "", fmt.Errorf("redisconn: the answer to INFO server has no run_id")
}

// infoField returns a field of an answer to INFO, or nothing.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
