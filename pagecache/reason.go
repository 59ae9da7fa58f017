package pagecache

// Reason is why the cache did what it did with a request. The texts are stable:
// metrics and explanations use them.
type Reason string

// Why a request was not looked up.
const (
	ReasonMethod       Reason = "method"                // neither GET nor HEAD
	ReasonBody         Reason = "request-body"          // GET or HEAD with a body: its content is in no key
	ReasonOverride     Reason = "method-override"       // a header that some frameworks take for the method
	ReasonUpgrade      Reason = "upgrade"               // websocket and the like
	ReasonRange        Reason = "range"                 // a part is asked for
	ReasonHost         Reason = "host"                  // not in Config.Hosts, or no host at all
	ReasonPath         Reason = "path"                  // a path that servers read in different ways
	ReasonQuery        Reason = "query"                 // a query that servers read in different ways
	ReasonTouched      Reason = "session-used-before"   // middleware outside the cache used the session
	ReasonCookie       Reason = "cookie"                // an allowed cookie is present: private
	ReasonSkipped      Reason = "skipped"               // by the route's Skipper
	ReasonUncacheable  Reason = "known-uncacheable"     // hit-for-miss: the last answer could not be kept
	ReasonStoreFailed  Reason = "store-unavailable"     // the handler answers
	ReasonNotFound     Reason = "uri-miss"              // nothing stored for the URL
	ReasonVaryMiss     Reason = "vary-miss"             // stored, but not for these request headers
	ReasonAuthRequired Reason = "authorization-present" // stored, but not for requests with credentials
)

// Why an answer was not kept.
const (
	ReasonStored        Reason = "stored"
	ReasonNoStoreAsked  Reason = "request-no-store"
	ReasonSetCookie     Reason = "set-cookie"
	ReasonNoStore       Reason = "no-store"
	ReasonNoCache       Reason = "no-cache"
	ReasonPrivate       Reason = "private"
	ReasonPrivateScope  Reason = "private-scope"
	ReasonVaryStar      Reason = "vary-star"
	ReasonVaryCookie    Reason = "vary-cookie"
	ReasonVariants      Reason = "too-many-variants"
	ReasonStatus        Reason = "status"
	ReasonNotFresh      Reason = "no-freshness"
	ReasonAuthorization Reason = "authorization"
	ReasonStream        Reason = "streamed"
	ReasonTooLarge      Reason = "too-large"
	ReasonLength        Reason = "length-mismatch"
	ReasonEmpty         Reason = "empty-html"
	ReasonLoop          Reason = "redirect-to-itself"
	ReasonHeaders       Reason = "headers"
	ReasonEncoding      Reason = "encoding-without-vary"
	ReasonNonce         Reason = "csp-nonce"
	ReasonError         Reason = "handler-error"
	ReasonCancelled     Reason = "client-gone"
	ReasonScope         Reason = "scope"
)
