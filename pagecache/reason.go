package pagecache

import "slices"

// Reason is why the cache did what it did with a request. The texts are stable:
// metrics and explanations use them.
type Reason string

// ReasonHit is a fresh answer from the store.
const ReasonHit Reason = "hit"

// Why a request was not looked up.
const (
	ReasonMethod   Reason = "method"              // neither GET nor HEAD
	ReasonBody     Reason = "request-body"        // GET or HEAD with a body: its content is in no key
	ReasonOverride Reason = "method-override"     // a header that some frameworks take for the method
	ReasonSteered  Reason = "steered"             // a header by which servers behind may take it for another request (of clients that are not trusted, in Strict), or that takes another one off on the way
	ReasonUpgrade  Reason = "upgrade"             // websocket and the like
	ReasonHost     Reason = "host"                // not in Config.Hosts, or no host at all
	ReasonPath     Reason = "path"                // a path that servers read in different ways
	ReasonQuery    Reason = "query"               // a query that servers read in different ways, or a very long one
	ReasonTouched  Reason = "session-used-before" // middleware outside the cache used the session
	ReasonCookie   Reason = "cookie"              // an allowed cookie is present: private
	ReasonMatch    Reason = "if-match"            // for the origin to judge (Strict)
	ReasonOuter    Reason = "outer-cache"         // a page cache further out decides
)

// Why the answer did not come from the store as it is.
const (
	ReasonUncacheable  Reason = "known-uncacheable"      // hit-for-miss: the last answer could not be kept
	ReasonStoreFailed  Reason = "store-unavailable"      // the handler answers
	ReasonNotFound     Reason = "uri-miss"               // nothing stored for the URL
	ReasonVaryMiss     Reason = "vary-miss"              // stored, but not for these request headers
	ReasonAuthRequired Reason = "authorization-present"  // stored, but not for requests with credentials
	ReasonStale        Reason = "stale"                  // stored, but no longer fresh
	ReasonPurged       Reason = "purged-softly"          // stored, but purged softly since
	ReasonRequest      Reason = "request-directive"      // stored, but the client wants it newer (Strict)
	ReasonStaleOnError Reason = "stale-if-error"         // the handler failed: the stale answer was served
	ReasonRefresh      Reason = "stale-while-revalidate" // the stale answer was served and is being refreshed
	ReasonStaleOnWait  Reason = "stale-instead-of-wait"  // another request's answer took too long: the stale one was served
	ReasonUnverified   Reason = "unverified"             // the store is away; what this process held of it counts as stale
	ReasonOnlyIfCached Reason = "only-if-cached"         // the client wants nothing but a stored answer (Strict): 504
	ReasonBusy         Reason = "too-many-handlers"      // of the route, while the store or the handler fails: 503
	ReasonShared       Reason = "collapsed"              // the answer to another request for the same page
)

// What became of the answer.
const (
	ReasonStored        Reason = "stored"
	ReasonFreshened     Reason = "freshened"             // the handler said that the stored answer is still right
	ReasonFirstRequest  Reason = "first-request"         // undeclared query parameters: kept from the second request on
	ReasonNoStoreAsked  Reason = "request-no-store"      // the client does not want it stored
	ReasonSetCookie     Reason = "set-cookie"            // it sets a cookie
	ReasonNoStore       Reason = "no-store"              // the handler forbids it
	ReasonNoCache       Reason = "no-cache"              // the handler wants to be asked every time
	ReasonPrivate       Reason = "private"               // the handler says so
	ReasonPrivateScope  Reason = "private-scope"         // something that it read is for one visitor
	ReasonVaryStar      Reason = "vary-star"             // Vary: *
	ReasonVaryCookie    Reason = "vary-cookie"           // Vary: Cookie, on a route that declares none
	ReasonVariants      Reason = "too-many-variants"     // Config.MaxVariants are there
	ReasonStatus        Reason = "status"                // answers with this status are not kept
	ReasonNotFresh      Reason = "no-freshness"          // nothing says for how long, or it is over
	ReasonAuthorization Reason = "authorization"         // credentials, and no public, s-maxage or must-revalidate
	ReasonStream        Reason = "streamed"              // an event stream, flushed, hijacked, or with trailers
	ReasonTooLarge      Reason = "too-large"             // Config.MaxBodyBytes
	ReasonLength        Reason = "length-mismatch"       // Content-Length is not the length
	ReasonEmpty         Reason = "empty-html"            // 200 without a body
	ReasonLoop          Reason = "redirect-to-itself"    //
	ReasonHeaders       Reason = "headers"               // too many, too long, or with bytes that are none
	ReasonEncoding      Reason = "encoding-without-vary" // coded, without Vary: Accept-Encoding
	ReasonNonce         Reason = "csp-nonce"             // the page holds the nonce of its Content-Security-Policy
	ReasonHoles         Reason = "holes"                 // a hole could not be filled, or it is not known where in the answer it is
	ReasonError         Reason = "handler-error"         // the handler returned an error
	ReasonCancelled     Reason = "client-gone"           // nobody waited for it any more
	ReasonScope         Reason = "scope"                 // the scope refused: purged meanwhile, too many tags
)

// reasons are all of them, for tables that count them. Another one, of which this
// list does not know, counts as the last, the empty one.
var reasons = [...]Reason{
	ReasonHit, ReasonMethod, ReasonBody, ReasonOverride, ReasonSteered, ReasonUpgrade, ReasonHost, ReasonPath, ReasonQuery, ReasonTouched,
	ReasonCookie, ReasonMatch, ReasonOuter, ReasonUncacheable, ReasonStoreFailed, ReasonNotFound, ReasonVaryMiss, ReasonAuthRequired,
	ReasonStale, ReasonRequest, ReasonStaleOnError, ReasonRefresh, ReasonStaleOnWait, ReasonUnverified, ReasonOnlyIfCached,
	ReasonShared, ReasonStored, ReasonFreshened, ReasonFirstRequest, ReasonNoStoreAsked, ReasonSetCookie, ReasonNoStore,
	ReasonNoCache, ReasonPrivate, ReasonPrivateScope, ReasonVaryStar, ReasonVaryCookie, ReasonVariants, ReasonStatus, ReasonNotFresh,
	ReasonAuthorization, ReasonStream, ReasonTooLarge, ReasonLength, ReasonEmpty, ReasonLoop, ReasonHeaders, ReasonEncoding,
	ReasonNonce, ReasonPurged, ReasonBusy, ReasonError, ReasonCancelled, ReasonScope,
	"",
}

var reasonIndex = func() map[Reason]int {
	index := make(map[Reason]int, len(reasons))
	for i, why := range reasons {
		index[why] = i
	}
	return index
}()

// indexOf is where a reason stands in reasons.
func indexOf(why Reason) int {
	if i, ok := reasonIndex[why]; ok {
		return i
	}
	return len(reasons) - 1
}

// Reasons returns all reasons, for those who describe them.
func Reasons() []Reason { return slices.Clone(reasons[:len(reasons)-1]) }
