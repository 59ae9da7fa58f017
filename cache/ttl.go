package cache

import (
	"math"
	"time"
)

// Forever is the time to live of a value that does not expire. It may still be
// evicted, purged, cleared or deleted.
const Forever time.Duration = math.MaxInt64

// DefaultTTL is the time to live of values for which none was given and whose
// cache has no other default: 300 seconds, as in Django.
const DefaultTTL = 300 * time.Second

// minTTL is the resolution that every store has.
const minTTL = time.Millisecond

// expiryAt turns a time to live into an instant. The zero time is never.
func expiryAt(now time.Time, ttl time.Duration) time.Time {
	if ttl == Forever {
		return time.Time{}
	}
	at := now.Add(ttl)
	if at.Before(now) { // beyond what time.Time can add
		return time.Time{}
	}
	return at
}

// remaining is the opposite of expiryAt: what is left at now, zero or less if
// it is over.
func remaining(now, expires time.Time) time.Duration {
	if expires.IsZero() {
		return Forever
	}
	return expires.Sub(now)
}

// earlier returns the earlier of two instants, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
