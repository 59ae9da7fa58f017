package console

import "github.com/echoic-go/echoic/pagecache"

// meaning says in a few words what the reasons stand for. A test checks that none
// is missing.
var meaning = map[pagecache.Reason]string{
	pagecache.ReasonHit: "fresh, from the store",

	pagecache.ReasonMethod:   "neither GET nor HEAD",
	pagecache.ReasonBody:     "a GET or HEAD with a body",
	pagecache.ReasonOverride: "a header that overrides the method",
	pagecache.ReasonSteered:  "a header that makes another request of it for servers behind",
	pagecache.ReasonUpgrade:  "WebSocket and the like",
	pagecache.ReasonHost:     "the host is not one of the site's",
	pagecache.ReasonPath:     "a path that servers read in different ways",
	pagecache.ReasonQuery:    "a query that servers read in different ways, or a very long one",
	pagecache.ReasonTouched:  "middleware outside the cache used the session",
	pagecache.ReasonCookie:   "an allowed cookie is there",
	pagecache.ReasonMatch:    "If-Match is for the origin to judge",
	pagecache.ReasonOuter:    "a page cache further out decides",

	pagecache.ReasonUncacheable:  "the last answer could not be kept: nobody waits for this one",
	pagecache.ReasonStoreFailed:  "the store did not answer",
	pagecache.ReasonNotFound:     "nothing is stored for the URL",
	pagecache.ReasonVaryMiss:     "stored, but not for these request headers or values",
	pagecache.ReasonAuthRequired: "stored, but not for requests with credentials",
	pagecache.ReasonStale:        "stored, but no longer fresh",
	pagecache.ReasonPurged:       "purged softly: stale from then on",
	pagecache.ReasonBusy:         "as many handlers run for this route as may",
	pagecache.ReasonRequest:      "stored, but the client wants it newer",
	pagecache.ReasonStaleOnError: "the handler failed: the stale answer was served",
	pagecache.ReasonRefresh:      "the stale answer was served and is being refreshed",
	pagecache.ReasonStaleOnWait:  "another request took too long: the stale answer was served",
	pagecache.ReasonUnverified:   "the store is away: what this process held was served",
	pagecache.ReasonOnlyIfCached: "the client wants a stored answer or none",
	pagecache.ReasonShared:       "the answer to another request at the same time",

	pagecache.ReasonStored:        "the answer was stored",
	pagecache.ReasonFreshened:     "the stored answer is still right",
	pagecache.ReasonFirstRequest:  "undeclared query parameters: kept from the second request on",
	pagecache.ReasonNoStoreAsked:  "the client does not want it stored",
	pagecache.ReasonSetCookie:     "the answer sets a cookie",
	pagecache.ReasonNoStore:       "the handler says no-store",
	pagecache.ReasonNoCache:       "the handler says no-cache",
	pagecache.ReasonPrivate:       "the handler says private",
	pagecache.ReasonPrivateScope:  "it used the visitor's session, or something else that is private",
	pagecache.ReasonVaryStar:      "Vary: *",
	pagecache.ReasonVaryCookie:    "Vary: Cookie on a route that declares no cookies",
	pagecache.ReasonVariants:      "there are as many variants as there may be",
	pagecache.ReasonStatus:        "answers with this status are not kept",
	pagecache.ReasonNotFresh:      "nothing says for how long, or it is over",
	pagecache.ReasonAuthorization: "credentials, and no public, s-maxage or must-revalidate",
	pagecache.ReasonStream:        "an event stream, flushed, hijacked, or with trailers",
	pagecache.ReasonTooLarge:      "larger than what is kept",
	pagecache.ReasonLength:        "Content-Length is not the length",
	pagecache.ReasonEmpty:         "an empty HTML page",
	pagecache.ReasonLoop:          "a redirect to itself",
	pagecache.ReasonHeaders:       "too many, too long or damaged header fields",
	pagecache.ReasonEncoding:      "coded, without Vary: Accept-Encoding",
	pagecache.ReasonNonce:         "it holds the nonce of its Content-Security-Policy",
	pagecache.ReasonError:         "the handler failed",
	pagecache.ReasonCancelled:     "nobody waited for it any more",
	pagecache.ReasonScope:         "purged meanwhile, or too many tags",
}

// Meaning says in a few words what a reason of package pagecache stands for; of an
// unknown one nothing.
func Meaning(reason string) string { return meaning[pagecache.Reason(reason)] }
