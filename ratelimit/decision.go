package ratelimit

import "time"

// Ask is one limit that something has to keep.
type Ask struct {
	// Limit says how much is allowed.
	Limit Limit
	// Key says to whom: an address, a user. Of any length; it is hashed.
	Key string
	// Cost is how many requests this one counts for, at most the limit's Burst.
	// Defaults to 1. Negative only looks, and is allowed.
	Cost int
}

// Decision is what came of an Ask, or of several.
type Decision struct {
	// Allowed says whether all limits were kept. If not, none of them was
	// charged.
	Allowed bool
	// Local says that Redis was not asked, or did not answer, and this server
	// has decided with its share of the limit.
	Local bool
	// RetryAfter is when the same could be allowed, if nobody else comes
	// meanwhile. Zero if it was.
	RetryAfter time.Duration
	// States are the limits, in the order of the asks.
	States []State
}

// State is how much of one limit is left.
type State struct {
	Limit Limit
	// Allowed says whether this limit had room for the request.
	Allowed bool
	// Remaining is how many more would be allowed now. If Local, at this
	// server.
	Remaining int
	// Reset is how long it takes until all of Burst is there again.
	Reset time.Duration
}
