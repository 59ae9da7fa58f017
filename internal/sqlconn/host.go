package sqlconn

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const defaultPort = "5432"

// address checks host[:port] and returns it with its port. What is wrong is not
// quoted: in postgres://user:secret, where @host was forgotten, it is a
// password.
func address(text, part string) (string, error) {
	host, rest := text, ""
	if after, ok := strings.CutPrefix(text, "["); ok {
		inside, behind, ok := strings.Cut(after, "]")
		ip, valid := v6(inside)
		if !ok || !valid || (behind != "" && behind[0] != ':') {
			return "", &ParseError{Part: part, Problem: "has no IPv6 address in brackets", Remedy: "write it as [::1]:5432"}
		}
		host, rest = ip, behind
	} else {
		if i := strings.IndexByte(text, ':'); i >= 0 {
			host, rest = text[:i], text[i:]
		}
		switch {
		case host == "":
			return "", &ParseError{Part: part, Problem: "is missing", Remedy: "write host:port, for example postgres://localhost:5432/database, and behind a password an @ first"}
		case strings.Count(rest, ":") > 1:
			return "", &ParseError{Part: part, Problem: "has more than one colon", Remedy: "write host:port, an IPv6 address in brackets ([::1]:5432), and behind a password an @ first"}
		case !hostname(host):
			return "", &ParseError{Part: part, Problem: "has a character that no host name has", Remedy: "write a name or an IP address: host:port; the directory of a unix socket as ?host=/directory"}
		}
	}
	if rest == "" {
		return net.JoinHostPort(host, defaultPort), nil
	}
	n, err := strconv.ParseUint(rest[1:], 10, 16)
	if err != nil || n == 0 {
		return "", &ParseError{Part: "the port of " + part, Problem: "is no number from 1 to 65535", Remedy: "write host:port (for example localhost:5432), and behind a password an @ first"}
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// hostPort undoes net.JoinHostPort for addresses that were made by it.
func hostPort(addr string) (host, port string) {
	host, port, _ = net.SplitHostPort(addr)
	return host, port
}

const (
	letters   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	zoneBytes = letters + "-_.~"
	hostBytes = letters + "-_."
)

// hostname reports whether s can be a host name or an IPv4 address.
func hostname(s string) bool { return len(s) <= 253 && strings.Trim(s, hostBytes) == "" }

// v6 reads an IPv6 address, whose zone is written %25eth0 in a URL.
func v6(text string) (string, bool) {
	text, ok := unescape(text)
	if !ok {
		return "", false
	}
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is6() || strings.Trim(ip.Zone(), zoneBytes) != "" {
		return "", false
	}
	return ip.String(), true
}

// loopback reports whether host is this machine. Names are not looked up.
func loopback(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
