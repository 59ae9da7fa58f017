// Package breaker keeps callers from waiting for a server that does not answer.
//
// A [Judge] decides from calls that failed or were late whether their server is
// away. A [Breaker] is a Judge, a state and a probe: while it is open every call
// fails at once, and one goroutine alone asks whether the server is back. Package
// cache/failover has a Judge, and a state of its own, for it has another store to
// turn to.
package breaker
