// Package peer finds out who sent a request: the address of the connection, or
// behind proxies that are trusted the one that they vouch for.
package peer

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

const (
	// maxHops is how many addresses of X-Forwarded-For are looked at, the
	// nearest first. More proxies than that are no chain but an attack.
	maxHops = 32
	// forwardedFor is the only header that is believed. Proxies add to it, or
	// replace it; one that they do not know they pass on, whoever wrote it.
	forwardedFor = "X-Forwarded-For"
	// v6Bits is what one customer gets of IPv6: every address in it is his.
	v6Bits = 64
)

// Trusted reports whether remote ("host:port", as in http.Request.RemoteAddr) is
// in one of the networks.
func Trusted(remote string, proxies []netip.Prefix) bool {
	if len(proxies) == 0 {
		return false
	}
	at, err := netip.ParseAddrPort(remote)
	return err == nil && within(at.Addr().Unmap(), proxies)
}

func within(addr netip.Addr, networks []netip.Prefix) bool {
	addr = addr.WithZone("") // a prefix contains no address with a zone
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// Address returns the client's address: that of the peer, or if the peer is in
// one of the networks, the last address in X-Forwarded-For that is not. What
// stands before that one, the client may have made up. Where an entry is no
// address, the proxy that wrote it is the last one known. IPv4 addresses in IPv6
// form are returned as IPv4. The address is invalid if the peer has none, as on
// a unix socket.
func Address(r *http.Request, proxies []netip.Prefix) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := at.Addr().Unmap().WithZone("")
	lines := r.Header[forwardedFor]
	hops := 0
	for line := len(lines) - 1; line >= 0; line-- {
		rest := lines[line]
		for more := true; more; {
			if hops++; hops > maxHops || !within(addr, proxies) {
				return addr
			}
			var entry string
			entry, rest, more = lastEntry(rest)
			hop, ok := parseHop(entry)
			if !ok {
				return addr
			}
			addr = hop
		}
	}
	return addr
}

// lastEntry cuts the last entry off a list.
func lastEntry(list string) (entry, rest string, more bool) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return list[i+1:], list[:i], true
	}
	return list, "", false
}

// parseHop reads an address, with or without a port; IPv6 also in brackets.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.Trim(text, " \t")
	addr, err := netip.ParseAddr(text)
	if err != nil {
		var at netip.AddrPort
		if at, err = netip.ParseAddrPort(text); err == nil {
			addr = at.Addr()
		} else if inside, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inside, "]") {
			addr, err = netip.ParseAddr(inside[:len(inside)-1])
			if addr.Is4() {
				return netip.Addr{}, false
			}
		}
	}
	return addr.Unmap().WithZone(""), err == nil
}

// Network is what one client can be assumed to have around the address: the
// address itself, of IPv6 the /64. It is invalid for an invalid address.
func Network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = v6Bits
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}
