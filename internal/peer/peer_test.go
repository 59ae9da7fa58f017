package peer_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/internal/peer"
)

var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

func TestAddress(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"the peer", "192.0.2.1:1234", nil, "192.0.2.1"},
		{"a peer that is no proxy is not believed", "192.0.2.1:1234", []string{"198.51.100.7"}, "192.0.2.1"},
		{"a proxy without the header", "10.0.0.1:1", nil, "10.0.0.1"},
		{"a proxy", "10.0.0.1:1", []string{"198.51.100.7"}, "198.51.100.7"},
		{"what the client made up", "10.0.0.1:1", []string{"1.2.3.4, 198.51.100.7"}, "198.51.100.7"},
		{"two proxies", "10.0.0.1:1", []string{"1.2.3.4, 198.51.100.7, 10.0.0.2"}, "198.51.100.7"},
		{"two lines", "10.0.0.1:1", []string{"1.2.3.4", "198.51.100.7,10.9.9.9"}, "198.51.100.7"},
		{"nobody but proxies", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"no address", "10.0.0.1:1", []string{"198.51.100.7, unknown"}, "10.0.0.1"},
		{"no address behind a proxy", "10.0.0.1:1", []string{"198.51.100.7, evil, 10.0.0.2"}, "10.0.0.2"},
		{"empty", "10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"with a port", "10.0.0.1:1", []string{"198.51.100.7:99"}, "198.51.100.7"},
		{"IPv6 with a port", "10.0.0.1:1", []string{"[2001:db8::1]:99"}, "2001:db8::1"},
		{"IPv6 in brackets", "10.0.0.1:1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"IPv4 in brackets", "10.0.0.1:1", []string{"[192.0.2.9]"}, "10.0.0.1"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"a zone", "[fd00::1%eth0]:1", []string{"fe80::1%eth0"}, "fe80::1"},
		{"a unix socket", "@", []string{"198.51.100.7"}, "invalid IP"},
		{"too many hops", "10.0.0.1:1", []string{"198.51.100.7" + strings.Repeat(", 10.0.0.2", 40)}, "10.0.0.2"},
	} {
		r := &http.Request{RemoteAddr: row.remote, Header: http.Header{}}
		if row.forwarded != nil {
			r.Header["X-Forwarded-For"] = row.forwarded
		}
		if got := peer.Address(r, proxies).String(); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func TestTrusted(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]bool{"10.1.2.3:4": true, "[::ffff:10.1.2.3]:4": true, "[fd00::1%eth0]:4": true, "192.0.2.1:4": false, "@": false, "10.1.2.3": false} {
		if peer.Trusted(remote, proxies) != want {
			t.Errorf("%s: %v", remote, !want)
		}
	}
	if peer.Trusted("10.1.2.3:4", nil) {
		t.Error("without proxies somebody is trusted")
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{"192.0.2.1": "192.0.2.1/32", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "::ffff:192.0.2.1": "192.0.2.1/32"} {
		if got := peer.Network(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if peer.Network(netip.Addr{}).IsValid() {
		t.Error("an invalid address has a network")
	}
}

// Whatever a client writes in front of what its proxy wrote, it stays who it is;
// and who is no proxy is never believed.
func FuzzAddress(f *testing.F) {
	f.Add("1.2.3.4", "198.51.100.7")
	f.Add("10.0.0.9, ,", "2001:db8::1")
	f.Add("\x00,[::1", "::ffff:1.2.3.4")
	f.Fuzz(func(t *testing.T, made, client string) {
		own, err := netip.ParseAddr(client)
		if err != nil || own.Zone() != "" || peer.Trusted(netip.AddrPortFrom(own, 1).String(), proxies) {
			return
		}
		r := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"X-Forwarded-For": {made + "," + client}}}
		if got := peer.Address(r, proxies); got != own.Unmap() {
			t.Errorf("%q makes %s look like %s", made, client, got)
		}
		r.Header["X-Forwarded-For"] = []string{made, client}
		if got := peer.Address(r, proxies); got != own.Unmap() {
			t.Errorf("a line %q makes %s look like %s", made, client, got)
		}
		r.RemoteAddr = "192.0.2.1:1"
		if got := peer.Address(r, proxies).String(); got != "192.0.2.1" {
			t.Errorf("a stranger passes for %s", got)
		}
	})
}
