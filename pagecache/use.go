package pagecache

import "time"

// use is what a stored answer is good for.
type use uint8

const (
	useAsk   use = iota // not without asking the handler
	useFresh            // as it is
	useStale            // as it is, while it is refreshed in the background
)

// judge decides whether an entry that is age old may answer a request (RFC 9111,
// section 4). What the request asks for counts in the Strict profile only: else
// every visitor could put the handler to work. A request may allow or forbid; the
// reason says why the handler has to be asked.
//
// A page that was purged softly may only be served while it is made anew.
func judge(e *entry, age time.Duration, softly bool, asks directives, strict bool) (use, Reason) {
	if e.validate {
		return useAsk, ReasonStale
	}
	left := e.life - age
	if strict {
		if asks.noCache || asks.maxAge == 0 || asks.maxAge > 0 && age > asks.maxAge || asks.minFresh >= 0 && left < asks.minFresh {
			return useAsk, ReasonRequest
		}
		if left <= 0 && !softly && asks.maxStale >= 0 && !e.noStale && -left <= asks.maxStale {
			return useFresh, "" // stale, but the client asked for it (section 5.2.1.2)
		}
	}
	switch {
	case softly && (e.noStale || -left >= e.whileRevalidate):
		return useAsk, ReasonPurged
	case softly:
		return useStale, ReasonPurged
	case left > 0:
		return useFresh, ""
	case -left < e.whileRevalidate && !e.noStale:
		return useStale, ReasonStale
	}
	return useAsk, ReasonStale
}

// rescues reports whether an entry may be served because the handler failed;
// away says that it could not even be asked.
func rescues(e *entry, age time.Duration, away, strict bool) bool {
	if e == nil || e.noStale || e.validate {
		return false
	}
	if age < e.life+e.ifError {
		return true
	}
	return strict && away // disconnected: RFC 9111, section 4.2.4
}
