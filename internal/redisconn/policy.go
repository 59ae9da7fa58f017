package redisconn

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Policy is how long we wait for Redis, and how we prove who we are beyond the
// password. The zero value is ready to use.
type Policy struct {
	// MaxConnections is the most connections that a redigo pool opens; who
	// finds none free waits as long as its context allows. (rueidis sends all
	// commands to a server through one connection.) 1 to 10000. Defaults to 50.
	MaxConnections int
	// ConnectTimeout bounds dialling and the TLS handshake. 1ms to 1m.
	// Defaults to 500ms.
	ConnectTimeout time.Duration
	// SocketTimeout bounds one command from the first byte sent to the last
	// one received. A server that is silent for so long is given up and
	// connected to anew. 1ms to 1m. Defaults to 250ms.
	SocketTimeout time.Duration
	// RetryOnTimeout lets a Link repeat a read, once, that met a timeout or a
	// lost connection, if its context still allows it. Writes are not
	// repeated. Defaults to false.
	RetryOnTimeout bool
	// CAFile holds the PEM certificates of the authorities that may vouch for
	// the server. Only with TLS. Defaults to the system's.
	CAFile string
	// CertFile and KeyFile hold the client's certificate and its key, PEM.
	// Both or none, only with TLS. Default to none.
	CertFile, KeyFile string
	// SentinelUser and SentinelPassword are for the sentinels, which do not know
	// the users of the data nodes; the user and password of the URL are for the
	// latter. Only with the URL of a Sentinel. Default to none.
	SentinelUser, SentinelPassword string
	// ClientName is what CLIENT LIST shows. Without spaces, at most 64 bytes.
	// Defaults to "echoic".
	ClientName string
}

const (
	defaultMaxConnections = 50
	defaultConnectTimeout = 500 * time.Millisecond
	defaultSocketTimeout  = 250 * time.Millisecond
	defaultClientName     = "echoic"

	mostConnections = 10_000
	shortestTimeout = time.Millisecond
	longestTimeout  = time.Minute
	longestName     = 64
)

// withDefaults returns a checked copy with every field set.
func (p Policy) withDefaults(target Target) (Policy, error) {
	if p.MaxConnections == 0 {
		p.MaxConnections = defaultMaxConnections
	}
	if p.ConnectTimeout == 0 {
		p.ConnectTimeout = defaultConnectTimeout
	}
	if p.SocketTimeout == 0 {
		p.SocketTimeout = defaultSocketTimeout
	}
	if p.ClientName == "" {
		p.ClientName = defaultClientName
	}
	return p, p.validate(target)
}

// PolicyError is a field of a Policy that cannot be used.
type PolicyError struct {
	// Field is its name in Policy.
	Field string
	// Problem is what is wrong: "is 1h0m0s".
	Problem string
	// Remedy is what to do.
	Remedy string
	// Err is the cause, nil if there is none but the value.
	Err error
}

func (e *PolicyError) Error() string {
	return "redisconn: Policy." + e.Field + " " + e.Problem + ": " + e.Remedy
}

// Unwrap returns the cause.
func (e *PolicyError) Unwrap() error { return e.Err }

// Check reports what is wrong with the policy for target, certificates
// included. It does not connect. The error is a *PolicyError.
func (p Policy) Check(target Target) error {
	p, err := p.withDefaults(target)
	if err != nil {
		return err
	}
	_, err = p.tlsConfig(target)
	return err
}

func (p Policy) validate(target Target) error {
	switch {
	case target.IsZero():
		return errors.New("redisconn: the target names no server: make it with Parse")
	case p.MaxConnections < 1 || p.MaxConnections > mostConnections:
		return &PolicyError{Field: "MaxConnections", Problem: "is " + strconv.Itoa(p.MaxConnections), Remedy: fmt.Sprintf("give a number from 1 to %d", mostConnections)}
	case p.ConnectTimeout < shortestTimeout || p.ConnectTimeout > longestTimeout:
		return badTimeout("ConnectTimeout", p.ConnectTimeout)
	case p.SocketTimeout < shortestTimeout || p.SocketTimeout > longestTimeout:
		return badTimeout("SocketTimeout", p.SocketTimeout)
	case len(p.ClientName) > longestName || strings.ContainsFunc(p.ClientName, func(r rune) bool { return r <= ' ' || r > '~' }):
		return &PolicyError{Field: "ClientName", Problem: fmt.Sprintf("is %.80q", p.ClientName), Remedy: fmt.Sprintf("give at most %d characters of printable ASCII without spaces", longestName)}
	case target.Kind() != Sentinel && p.SentinelPassword != "":
		return &PolicyError{Field: "SentinelPassword", Problem: "is set, but " + target.Masked() + " names no sentinels", Remedy: "write redis://sentinel:26379,sentinel:26379/mymaster/0 or remove it"}
	case p.SentinelUser != "" && p.SentinelPassword == "":
		return &PolicyError{Field: "SentinelPassword", Problem: "is missing beside SentinelUser", Remedy: "set both, or the password alone"}
	case p.CertFile != "" && p.KeyFile == "":
		return &PolicyError{Field: "KeyFile", Problem: "is missing beside CertFile", Remedy: "set both or none"}
	case p.KeyFile != "" && p.CertFile == "":
		return &PolicyError{Field: "CertFile", Problem: "is missing beside KeyFile", Remedy: "set both or none"}
	case !target.TLS() && p.CAFile != "":
		return unencrypted("CAFile", target)
	case !target.TLS() && p.CertFile != "":
		return unencrypted("CertFile", target)
	}
	return nil
}

func badTimeout(field string, d time.Duration) error {
	return &PolicyError{Field: field, Problem: "is " + d.String(), Remedy: fmt.Sprintf("give a duration from %v to %v", shortestTimeout, longestTimeout)}
}

// unencrypted refuses a certificate that would not be used: somebody believes
// that the connection is encrypted.
func unencrypted(field string, target Target) error {
	return &PolicyError{Field: field, Problem: "is set, but " + target.Masked() + " is not encrypted", Remedy: "write rediss:// or remove it"}
}
