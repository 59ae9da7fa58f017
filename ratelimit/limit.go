package ratelimit

import (
	"fmt"
	"time"
)

// Limit is how much of something may happen. The zero value is none.
type Limit struct {
	// Name tells limits apart: it is in the keys, and in the headers that a
	// client sees. 1 to 64 of a-z, A-Z, 0-9, ".", "_" and "-". Defaults to
	// "default".
	Name string
	// Requests is how many are allowed in a Period on average. 1 to a million,
	// and at most one every 10µs.
	Requests int
	// Period is 1ms to 366 days.
	Period time.Duration
	// Burst is how many are allowed at once after a time of rest. In any window
	// of a Period at most Requests + Burst are allowed. 1 to Requests. Defaults
	// to half of Requests, and at least 1.
	Burst int
}

const (
	mostRequests     = 1_000_000
	longestPeriod    = 366 * 24 * time.Hour
	shortestInterval = 10 * time.Microsecond
	longestName      = 64
	defaultName      = "default"
)

// withDefaults returns a checked copy with every field set.
func (l Limit) withDefaults() (Limit, error) {
	if l.Name == "" {
		l.Name = defaultName
	}
	if l.Burst == 0 {
		l.Burst = max(1, l.Requests/2)
	}
	return l, l.check()
}

// Check reports what is wrong with the limit. The error is a *LimitError.
func (l Limit) Check() error {
	_, err := l.withDefaults()
	return err
}

func (l Limit) check() error {
	switch {
	case !validName(l.Name):
		return &LimitError{l, "Name", fmt.Sprintf("is %.80q: use 1 to %d letters, digits, dots, underscores and hyphens", l.Name, longestName)}
	case l.Requests < 1 || l.Requests > mostRequests:
		return &LimitError{l, "Requests", fmt.Sprintf("is %d: use 1 to %d", l.Requests, mostRequests)}
	case l.Period < time.Millisecond || l.Period > longestPeriod:
		return &LimitError{l, "Period", fmt.Sprintf("is %v: use %v to %v", l.Period, time.Millisecond, longestPeriod)}
	case l.interval() < shortestInterval:
		return &LimitError{l, "Requests", fmt.Sprintf("is %d in %v: use at most one every %v", l.Requests, l.Period, shortestInterval)}
	case l.Burst < 1 || l.Burst > l.Requests:
		return &LimitError{l, "Burst", fmt.Sprintf("is %d: use 1 to %d, the limit itself", l.Burst, l.Requests)}
	}
	return nil
}

func validName(s string) bool {
	if s == "" || len(s) > longestName {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// interval is how long the bucket takes to drain by one request: whole
// microseconds, the precision of Redis' clock, rounded to the stricter side.
func (l Limit) interval() time.Duration {
	n := time.Duration(max(1, l.Requests))
	exact := (l.Period + n - 1) / n
	return (exact + time.Microsecond - 1).Truncate(time.Microsecond)
}

// room is how full the bucket may be.
func (l Limit) room() time.Duration { return time.Duration(l.Burst) * l.interval() }

// What follows keeps the rule of twice the limit around a change of who decides.
// R is Requests, B the burst that the other side may just have allowed, C what
// all servers together allow at once while Redis is away. In a window that
// contains the loss, R + B + (what buckets start with) are allowed, so they start
// with R - B at most; in one that contains the return R + C + (what Redis' buckets
// start with). In one that contains both, Redis' buckets have also drained while
// others decided, half a burst at the worst: R + B + C + B/2, which must not be
// more than 2R.

// localBurst is C. It is at least 1, with which a bucket must then not start.
func (l Limit) localBurst() int {
	return max(1, min(l.Burst, l.Requests-l.Burst-(l.Burst+1)/2))
}

// localStart is how full the local buckets are at the loss of Redis, all servers
// taken together.
func (l Limit) localStart() time.Duration {
	c := l.localBurst()
	return time.Duration(c-min(c, l.Requests-l.Burst)) * l.interval()
}

// share is the part of one server among so many: its charge for one request, and
// its room. holders is how many servers have a share in a key.
func (l Limit) share(servers int) (interval, room time.Duration, holders int) {
	c := l.localBurst()
	holders = min(max(1, servers), c)
	interval = l.interval() * time.Duration(holders)
	return interval, interval * time.Duration(c/holders), holders
}
