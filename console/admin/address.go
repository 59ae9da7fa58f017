package admin

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// leastToken is the shortest token, in bytes.
const leastToken = 16

// CheckAddress says what is wrong with an address and its token: a path with a
// slash is a unix socket, everything else has to be a loopback address with a
// port, which needs a token of at least 16 bytes.
func CheckAddress(address, token string) error {
	if token != "" && len(token) < leastToken {
		return fmt.Errorf("admin: the token has %d bytes: use at least %d random ones", len(token), leastToken)
	}
	if isPath(address) {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("admin: the address is neither a path with a slash nor host:port: use ./admin.sock or 127.0.0.1:9090")
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return errors.New("admin: the address is not loopback: use 127.0.0.1:9090 or [::1]:9090, or a unix socket")
	}
	if token == "" {
		return errors.New("admin: a port needs a token, since every user of the machine reaches it: set one, or use a unix socket")
	}
	return nil
}

func isPath(address string) bool { return strings.Contains(address, "/") }

func network(address string) string {
	if isPath(address) {
		return "unix"
	}
	return "tcp"
}
