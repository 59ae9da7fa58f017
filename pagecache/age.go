package pagecache

import (
	"net/http"
	"strings"
	"time"
)

// initialAge is how old an answer is when it arrives (RFC 9111, section 4.2.3):
// as old as Date says, or as Age says plus the time that asking took, whichever
// is more. Both saturate, neither is negative.
func initialAge(h http.Header, asked, arrived time.Time) time.Duration {
	age := statedAge(h) + between(asked, arrived)
	if date, ok := parseDate(h["Date"]); ok {
		// Date has whole seconds: an answer that was just made is not old.
		if apparent := between(date, arrived); apparent >= time.Second {
			age = max(age, apparent)
		}
	}
	return min(age, maxDelta)
}

// statedAge is the age that an answer came with, from a cache further back: the
// first member of Age. What is no number is ignored (RFC 9111, section 5.1).
func statedAge(h http.Header) time.Duration {
	value, _, _ := strings.Cut(first(h["Age"]), ",")
	return deltaSeconds(strings.TrimSpace(value))
}

// ageOf is the age of an entry, in fractions of a second. Entries made by this
// process are aged by the monotonic clock. A clock that was set back makes
// nothing younger than new.
func ageOf(e *entry, now time.Time) time.Duration { return between(e.born, now) }
