package ratelimit

import "time"

// mode is who decides. It does not change; another takes its place.
type mode struct {
	local bool
	since time.Time
	// before is how long this server had decided, in former times, since its
	// buckets were forgotten last: their clock stands still while Redis decides.
	before time.Duration
	// last is the time without Redis before this one, if Redis decides.
	last outage
	// losses is what the store said of them.
	losses uint64
}

// outage is a time in which this server decided by itself.
type outage struct {
	happened bool
	length   time.Duration
	// apart is how long Redis had decided before.
	apart time.Duration
	// lost says that Redis came back with fewer buckets, perhaps.
	lost bool
}

// clock is what the local buckets go by.
func (m *mode) clock(now time.Time) time.Duration {
	if !m.local {
		return m.before
	}
	return m.before + now.Sub(m.since)
}

// lose is the mode after Redis was lost. Where the last loss was longer ago than
// any limit looks back, calm, it starts afresh.
func (m *mode) lose(now time.Time, calm bool) *mode {
	next := &mode{local: true, since: now, before: m.before, losses: m.losses}
	next.last.apart = now.Sub(m.since)
	if calm {
		next.before = 0
	}
	return next
}

// regain is the mode after Redis has come back.
func (m *mode) regain(now time.Time, losses uint64) *mode {
	return &mode{since: now, before: m.clock(now), losses: losses, last: outage{
		happened: true, length: now.Sub(m.since), apart: m.last.apart, lost: losses != m.losses,
	}}
}

// forget is the mode after Redis has lost buckets without having been away.
func (m *mode) forget(now time.Time, losses uint64) *mode {
	return &mode{since: now, before: m.before, losses: losses, last: outage{happened: true, apart: now.Sub(m.since), lost: true}}
}

// floor is how full Redis' buckets are at least, so long after the outage: it
// knows nothing of what was allowed meanwhile.
func (o outage) floor(l Limit, after time.Duration) time.Duration {
	if !o.happened {
		return 0
	}
	return max(0, min(l.room(), o.start(l))-after)
}

// start is how full they are at the return.
func (o outage) start(l Limit) time.Duration {
	interval := l.interval()
	// Servers find out one after the other: for so long some have decided with
	// their shares while others asked Redis.
	apart := int(enoughProbes * probeEvery / interval)
	full := func(left int) time.Duration {
		return time.Duration(l.Burst-min(max(0, left-apart), l.Burst)) * interval
	}
	b, c, r := l.Burst, l.localBurst(), l.Requests
	switch {
	case o.length >= l.Period: // the window of the return contains nothing else
		return full(r - c)
	case o.apart < l.Period: // one of several
		return l.room()
	case !o.lost && 3*b+2*c <= 2*r: // what they have drained meanwhile
		return min(full(r-b-c), o.length)
	}
	return full(r - b - c)
}
