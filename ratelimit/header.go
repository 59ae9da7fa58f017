package ratelimit

import (
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/echoic-go/echoic/internal/peer"
)

// SetHeader adds RateLimit-Policy and RateLimit, and if the decision is no,
// Retry-After, to the header of an answer. The fields are those of
// draft-ietf-httpapi-ratelimit-headers-10 (27 September 2025): lists of
// structured fields (RFC 9651), one member a limit, named as the limit is. In
// RateLimit-Policy q is Requests and w the Period in seconds, left out if it is
// no whole number of them; in RateLimit r is what is left now and t the seconds
// until all of the burst is there again.
//
//	RateLimit-Policy: "login";q=5;w=60
//	RateLimit: "login";r=1;t=12
//	Retry-After: 12
//
// pagecache never keeps these fields in a page of an application.
func (d Decision) SetHeader(h http.Header) {
	policy, state := make([]byte, 0, 64), make([]byte, 0, 64)
	for i, s := range d.States {
		if i > 0 {
			policy, state = append(policy, ", "...), append(state, ", "...)
		}
		policy = append(append(append(policy, '"'), s.Limit.Name...), `";q=`...)
		policy = strconv.AppendInt(policy, int64(s.Limit.Requests), 10)
		if s.Limit.Period%time.Second == 0 {
			policy = strconv.AppendInt(append(policy, ";w="...), int64(s.Limit.Period/time.Second), 10)
		}
		state = append(append(append(state, '"'), s.Limit.Name...), `";r=`...)
		state = strconv.AppendInt(state, int64(s.Remaining), 10)
		state = strconv.AppendInt(append(state, ";t="...), seconds(s.Reset), 10)
	}
	if len(d.States) > 0 {
		h.Add("RateLimit-Policy", string(policy))
		h.Add("RateLimit", string(state))
	}
	if !d.Allowed {
		h.Set("Retry-After", strconv.FormatInt(max(1, seconds(d.RetryAfter)), 10))
	}
}

// seconds rounds up: who comes then finds what he was promised.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// Address is a key for who sent a request: the address of the peer or, if that is
// in one of the networks of proxies, the last one in X-Forwarded-For that is not.
// Of IPv6 it is the /64, which one customer has for himself. Requests without an
// address, as over unix sockets, share a key.
func Address(r *http.Request, proxies []netip.Prefix) string {
	network := peer.Network(peer.Address(r, proxies))
	if !network.IsValid() {
		return "-"
	}
	return network.String()
}
