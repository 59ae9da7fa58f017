// Package faultproxy is a small TCP proxy that spoils connections on purpose:
// for tests of what happens when a server is slow, silent, gone, or says only
// half of what it wanted to say.
//
// A [Proxy] stands between a client and one target. What passes has two
// directions, [ToServer] and [ToClient], and each has its own [Faults], which
// can be changed at any time and act on connections that are open already, on
// new ones, or on both. What is asked for at the door is the proxy's
// [Admission]: connections may be refused or reset as soon as they come.
//
//	proxy := faultproxy.ForTest(t, redis.Addr)
//	… a client connects to proxy.Addr() …
//	proxy.Set(faultproxy.ToClient, faultproxy.Faults{Latency: 500 * time.Millisecond})
//	proxy.Partition() // nothing passes any more, in silence
//	proxy.Heal()
//
// Bytes keep their order whatever the faults. With the same seed, the jitter of
// the n-th connection is the same. Memory is bounded: what is under way fills a
// short queue in each direction, and then the sender waits, as with TCP.
package faultproxy
