package redisconn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	redigo "github.com/gomodule/redigo/redis"
	"github.com/redis/rueidis"
)

// Errors of a Link that callers branch on. They come wrapped.
var (
	// ErrUnavailable says that the server cannot be reached, does not answer
	// in time, or answers that it cannot do now what it was asked for.
	ErrUnavailable = errors.New("redisconn: server unavailable")
	// ErrClosed is any call after Close.
	ErrClosed = errors.New("redisconn: closed")
)

// Error is a call that failed. Its text is "redis: what, address, remedy", never
// with a password.
type Error struct {
	// What happened: "get: no answer within 250ms".
	What string
	// Addr is where.
	Addr string
	// Remedy is what to do.
	Remedy string
	// Unavailable says that errors.Is(err, ErrUnavailable) holds.
	Unavailable bool
	// Err is the cause.
	Err error
}

func (e *Error) Error() string { return "redis: " + e.What + ", " + e.Addr + ", " + e.Remedy }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrUnavailable) true where Unavailable is.
func (e *Error) Is(target error) bool { return target == ErrUnavailable && e.Unavailable }

// answers are what a server says when it cannot do now what it was asked for,
// by the beginning of its message (less "ERR "), and what to do about it.
var answers = []struct{ prefix, remedy string }{
	{"LOADING", "wait until the server has loaded its data"},
	{"READONLY", "connect to the primary: this server is a replica"},
	{"MASTERDOWN", "connect to the primary: this replica has lost it"},
	{"CLUSTERDOWN", "repair the cluster: some slots are not served"},
	{"TRYAGAIN", "wait until the slots have moved"},
	{"MOVED", "wait until the cluster agrees on where its slots are"},
	{"ASK ", "wait until the slots have moved"},
	{"BUSY", "end the script that blocks the server (SCRIPT KILL)"},
	{"MISCONF", "repair the server's disk: it cannot save, and refuses writes"},
	{"NOREPLICAS", "repair the replicas: too few are connected"},
	{"OOM", "raise maxmemory or set an eviction policy (allkeys-lru)"},
	{"max number of clients", "raise maxclients or open fewer connections"},
	{"NOAUTH", "put the password into the URL: redis://:password@host"},
	{"WRONGPASS", "correct user and password in the URL"},
	{"invalid password", "correct the password in the URL"},
	{"AUTH", "remove the password from the URL: the server has none"},
	{"NOPERM", "grant the ACL user these commands and keys"},
	{"DENIED", "set a password on the server (protected mode)"},
	{"DB index is out of range", "choose a database number that the server has (its setting is databases)"},
	{"invalid DB index", "choose a database number that the server has (its setting is databases)"},
	{"No such master with that name", "correct the name of the primary in the URL: redis://sentinel:26379/NAME/0"},
	{"This instance has cluster support disabled", "write the address of one server: several without a name are those of a cluster"},
	{"SELECT is not allowed", "give the addresses of a cluster with commas: redis://node1,node2/1"},
}

// remedyOf says what to do about a failed connection or an answer of the server.
func remedyOf(err error) string {
	if text, ok := answerText(err); ok {
		if remedy, known := answerRemedy(text); known {
			return remedy
		}
		return "see the server's log"
	}
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		record    tls.RecordHeaderError
		verify    *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(err, errVerifying):
		return verifyingLater
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		return "start the server or correct the URL"
	case isLoss(err):
		return "look whether the server runs, speaks TLS (rediss://) or not (redis://), and takes more clients (maxclients)"
	case errors.As(err, &dns):
		return "correct the host in the URL"
	case errors.As(err, &record):
		return "write redis:// instead of rediss://: the server does not speak TLS on this port"
	case errors.As(err, &authority):
		return "give the CA that signed the server's certificate"
	case errors.As(err, &name):
		return "connect by a name that is in the server's certificate"
	case errors.As(err, &verify):
		return "renew or correct the server's certificate"
	case errors.Is(err, os.ErrPermission):
		return "let this user use the socket"
	case isTimeout(err):
		return "look whether the server runs, is not overloaded or behind a firewall"
	}
	return "look whether the server runs and the URL is right"
}

// answerText returns the error message of the server, if err is one.
func answerText(err error) (string, bool) {
	var byRueidis *rueidis.RedisError
	if errors.As(err, &byRueidis) {
		return byRueidis.Error(), true
	}
	var byRedigo redigo.Error
	if errors.As(err, &byRedigo) {
		return string(byRedigo), true
	}
	return "", false
}

func answerRemedy(text string) (remedy string, known bool) {
	text = strings.TrimPrefix(text, "ERR ") // rueidis leaves it out, redigo does not
	if _, cause, ok := strings.Cut(text, ": -"); ok && strings.HasPrefix(text, "Error running script") {
		text = cause // what a command in a script met, up to Redis 6.2
	}
	for _, a := range answers {
		if strings.HasPrefix(text, a.prefix) {
			return a.remedy, true
		}
	}
	return "", false
}

// isLogin reports whether a server's message is about user and password.
func isLogin(text string) bool {
	text = strings.TrimPrefix(text, "ERR ")
	return strings.HasPrefix(text, "NOAUTH") || strings.HasPrefix(text, "WRONGPASS") ||
		strings.HasPrefix(text, "AUTH") || strings.HasPrefix(text, "invalid password")
}

func isTimeout(err error) bool {
	var slow net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &slow) && slow.Timeout()
}

// isLoss reports whether a connection that was there has ended. The errors for it
// say little: "EOF".
func isLoss(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, rueidis.ErrClosing)
}

// connecting is the call that the link makes itself.
const connecting = "connect"

func (l *Link) failure(what string, err error) error {
	return Failure(l.target, l.policy.SocketTimeout, what, err)
}

// Failure turns what a command returned, which may take as long as timeout, into
// an *Error, as a Link does. Server messages that mean "not now" are
// unavailability, others (WRONGTYPE, a script's error) the command's own fault.
// Everything that is no message is the connection's.
func Failure(target Target, timeout time.Duration, what string, err error) error {
	var done *Error
	if errors.As(err, &done) {
		return err
	}
	return failureAt(target, target.Addr(), timeout, what, err)
}

// failureAt is Failure at one of the target's servers.
func failureAt(target Target, addr string, timeout time.Duration, what string, err error) *Error {
	e := &Error{What: what + ": " + err.Error(), Addr: addr, Remedy: remedyOf(err), Err: err, Unavailable: true}
	if text, ok := answerText(err); ok {
		_, e.Unavailable = answerRemedy(text)
		return e
	}
	switch {
	case isTimeout(err) && what == connecting:
		e.What = what + ": no answer in time"
		if target.TLS() {
			e.Remedy += ", and speaks TLS on this port"
		}
	case isTimeout(err):
		e.What = fmt.Sprintf("%s: no answer within %v", what, timeout)
	case isLoss(err):
		e.What = what + ": the connection was lost"
	}
	return e
}

// ended is a call whose own context has ended: nothing is known of the server.
func (l *Link) ended(ctx context.Context, what string) error {
	err := ctx.Err()
	return &Error{What: what + ": " + err.Error(), Addr: l.target.Addr(), Remedy: "give the call more time or ignore it", Err: err}
}
