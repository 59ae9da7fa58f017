package cachetest

import (
	"time"
)

const (
	// brief is a lifetime that is over soon, and long enough to do something
	// within it on a busy machine most of the time; no check relies on that.
	brief = 60 * time.Millisecond
	// grain is how much earlier than its time a value may be gone: stores count
	// in milliseconds, and may cut or round.
	grain = 2 * time.Millisecond
	// late is how long after its time it may still be seen: the clock of the
	// store may be that of a server.
	late = 25 * time.Millisecond
)

// lifetime watches a value that is stored by begin, with the given time to live,
// until it is gone, and checks that it is there while it must be and not any
// more when it must not.
func (e *env) lifetime(key string, ttl time.Duration, begin func()) {
	e.Helper()
	e.watch(ttl, begin, func() (bool, error) {
		_, found, err := e.store.Get(e.Context(), key)
		return found, err
	})
}

// watch takes the time around every look, so that a machine that stalls makes it
// see less, but never makes it fail.
func (e *env) watch(ttl time.Duration, begin func(), look func() (bool, error)) {
	e.Helper()
	earliest := time.Now().Add(ttl - grain)
	begin()
	latest := time.Now().Add(ttl + late)
	for {
		before := time.Now()
		found, err := look()
		after := time.Now()
		e.ok("looking", err)
		switch {
		case !found && after.Before(earliest):
			e.brokenNow("a value with a lifetime of %v was gone %v early", ttl, earliest.Sub(after)+grain)
		case found && before.After(latest):
			e.brokenNow("a value with a lifetime of %v was still there %v after its end", ttl, before.Sub(latest)+late)
		case !found:
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// between checks a remaining lifetime: at most ttl, and less only by the time
// that has passed since begin.
func (e *env) between(left, ttl time.Duration, begin time.Time) {
	e.Helper()
	if least := ttl - time.Since(begin) - grain; left > ttl+grain || left < least {
		e.broken("TTL = %v, want between %v and %v", left, least, ttl)
	}
}
