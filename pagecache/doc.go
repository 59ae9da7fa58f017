// Package pagecache keeps whole responses and answers from them: a shared HTTP
// cache (RFC 9111) that runs inside the program whose pages it keeps, or before
// another server (echoic proxy).
//
//	pages, err := pagecache.New(pagecache.Config{Cache: c})
//	…
//	defer pages.Close()
//	http.ListenAndServe(addr, pages.Handler(mux))
//
// A request goes through phases, each a small function: may the cache answer it
// at all (admit.go), what are its URL and key (urlkey.go, place.go, vary.go), is
// there a stored answer (lookup.go), is it good enough (use.go), and if not, who
// makes a new one (coalesce.go, flight.go), on what (fetch.go, recorder.go), may it
// be kept (storable.go, control.go, lifespan.go, making.go), and what goes to the
// client (replay.go, condition.go)? Decisions are functions on values. Each has a
// [Reason]; [Pages.Recent] tells the last ones.
//
// What is kept is judged after the response has been written, from the final
// headers and from the [cache.Scope] in which the handler ran: a page that read
// the visitor's session is private whatever its headers say.
//
// # Profiles
//
// The zero Config is the profile of an application's own cache. What visitors ask
// for puts no handler to work (only no-store is obeyed), 200 is kept for the
// route's time to live, a few other statuses with explicit freshness, handlers do
// not see what is not in the key, and an answer is held back until it is complete,
// so that it gets a validator and a failure becomes a clean error page.
//
// Config.Strict is the profile before another server: RFC 9111 to the letter.
// Request directives count, any final status with explicit freshness is kept,
// fields stay as they are, answers go out as they come.
//
// Three things are never kept in either, though RFC 9111 would allow it: answers
// with Set-Cookie, parts (206), and what a [cache.Scope] calls private. Answers
// that net/http refuses to read, such as those with an unknown Transfer-Encoding,
// reach no client of the proxy.
//
// # Stale pages
//
// stale-while-revalidate and stale-if-error (RFC 5861) come from the answer, the
// route or Config. A refresh in the background enters the server again with a
// request that has nothing of the visitor. A page to which the handler gave a
// validator is kept beyond its time, and the handler is asked whether it is still
// right. Errors, panics, 500, 502, 503 and 504 of the handler are failures for
// which a stale page stands in; must-revalidate, proxy-revalidate and no-cache
// forbid it.
//
// # Decorators
//
// The package speaks net/http only; package middleware has the decorators for
// Echo. Behind an outer page cache they only say how their pages are to be kept:
// there is one store, and one engine decides.
package pagecache
