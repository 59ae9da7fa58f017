// Package pagecache keeps whole responses and answers from them: a shared HTTP
// cache (RFC 9111) that runs inside the program whose pages it keeps.
//
// A request goes through phases, each a small function: is it one that the
// cache may answer ([Pages.Serve], admit.go), what is its key (urlkey.go,
// vary.go), is there a stored answer (lookup.go), and if not, who makes it
// (coalesce.go), on what (recorder.go), and may it be kept (storable.go,
// freshness.go)? Every decision has a [Reason].
//
// What is kept is judged after the response has been written, from the final
// headers and from the [cache.Scope] in which the handler ran: a page that read
// the visitor's session is private whatever its headers say.
//
// The package speaks net/http only; package middleware has the decorators for
// Echo.
package pagecache
