package redisconn

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// address checks host[:port] and returns it with its port. What is wrong is not
// quoted: in redis://user:secret, where @host was forgotten, it is a password.
func address(text, port, part string) (string, error) {
	host, rest := text, ""
	if strings.HasPrefix(text, "[") {
		inside, after, ok := strings.Cut(text[1:], "]")
		if !ok {
			return "", &ParseError{Part: part, Problem: "has [ without ]", Remedy: "write an IPv6 address as [::1]:6379"}
		}
		ip, err := v6(inside)
		if err != nil {
			return "", &ParseError{Part: part, Problem: "has no IPv6 address between [ and ]", Remedy: "write it as [::1]:6379"}
		}
		host, rest = ip, after
	} else {
		if i := strings.IndexByte(text, ':'); i >= 0 {
			host, rest = text[:i], text[i:]
		}
		switch {
		case host == "":
			return "", &ParseError{Part: part, Problem: "is missing", Remedy: "write host:port, for example redis://localhost:6379/0, and behind a password an @ first"}
		case strings.Count(rest, ":") > 1:
			return "", &ParseError{Part: part, Problem: "has more than one colon", Remedy: "write host:port, an IPv6 address in brackets ([::1]:6379), and behind a password an @ first"}
		case !hostname(host):
			return "", &ParseError{Part: part, Problem: "has a character that no host name has", Remedy: "write a name or an IP address: host:port"}
		}
	}
	if rest == "" {
		return net.JoinHostPort(host, port), nil
	}
	if rest[0] != ':' {
		return "", &ParseError{Part: part, Problem: "has text between ] and the port", Remedy: "write [::1]:6379"}
	}
	n, err := strconv.ParseUint(rest[1:], 10, 16)
	if err != nil || n == 0 {
		return "", &ParseError{Part: "the port of " + part, Problem: "is no number from 1 to 65535", Remedy: "write host:port (for example localhost:6379), and behind a password an @ first"}
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// v6 reads an IPv6 address, whose zone is written %25eth0 in a URL.
func v6(text string) (string, error) {
	text, ok := unescape(text)
	if !ok {
		return "", strconv.ErrSyntax
	}
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is6() || strings.Trim(ip.Zone(), zoneBytes) != "" {
		return "", strconv.ErrSyntax
	}
	return ip.String(), nil
}

const (
	letters   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	zoneBytes = letters + "-_.~"
	hostBytes = letters + "-_."
)

func hostname(s string) bool { return len(s) <= 253 && strings.Trim(s, hostBytes) == "" }
