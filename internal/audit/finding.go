package audit

import (
	"fmt"
	"slices"
	"time"
)

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	// OK was looked at and is right.
	OK Severity = "ok"
	// Note is nothing to worry about, but good to know.
	Note Severity = "note"
	// Unknown could not be checked.
	Unknown Severity = "unknown"
	// Warn is to be looked at; it endangers nothing now.
	Warn Severity = "warn"
	// Fail endangers data, sessions or visitors.
	Fail Severity = "fail"
)

// Finding is what one rule says of one server.
type Finding struct {
	ID       string   // the rule: "redis.eviction"
	Subject  string   // what it is about: "redis 127.0.0.1:6379"
	Severity Severity // how bad it is
	Found    string   // what was found, with the value; secrets are masked
	Remedy   string   // what to do; empty for what is right
}

// Fact is a value for people.
type Fact struct{ Name, Value string }

// Server is what one server says of itself.
type Server struct {
	Kind    string // redis, sentinel, postgres
	Addr    string
	Version string
	Role    string // primary, replica
	Latency Latency
	Skew    time.Duration // its clock minus ours
	Facts   []Fact
}

// Result is what an audit found.
type Result struct {
	Servers  []Server
	Findings []Finding
}

func (r *Result) add(findings ...Finding) { r.Findings = append(r.Findings, findings...) }

// Use is what the servers are used for, which decides how bad a finding is.
type Use struct {
	// Production makes some warnings failures.
	Production bool
	// Sessions says that sessions are in this Redis, Durable that a database
	// keeps logouts and purges besides.
	Sessions, Durable bool
	// Prefix is that of the application's keys, without the colon.
	Prefix string
	// TrustRestart says that a restarted Redis is trusted with its values.
	TrustRestart bool
	// Pings is how often each server is asked for its latency. Defaults to 20.
	Pings int
	// SlowAfter is the latency from which on a server is too slow. Defaults to
	// 50 ms.
	SlowAfter time.Duration
	// MaxSaveAge is how old the last save may be while there are changes since.
	// Defaults to two hours.
	MaxSaveAge time.Duration
	// Now is the clock that the servers' are compared with. Defaults to time.Now.
	Now func() time.Time
}

const (
	defaultPings      = 20
	defaultSlowAfter  = 50 * time.Millisecond
	defaultMaxSaveAge = 2 * time.Hour
	// skewWarn and skewFail bound how far two clocks may be apart: lifetimes are
	// kept in milliseconds, ages are told in seconds.
	skewWarn = time.Second
	skewFail = 10 * time.Second
)

func (u Use) withDefaults() Use {
	if u.Pings <= 0 {
		u.Pings = defaultPings
	}
	if u.SlowAfter <= 0 {
		u.SlowAfter = defaultSlowAfter
	}
	if u.MaxSaveAge <= 0 {
		u.MaxSaveAge = defaultMaxSaveAge
	}
	if u.Now == nil {
		u.Now = time.Now
	}
	return u
}

// harsh is Fail in production, else Warn.
func (u Use) harsh() Severity {
	if u.Production {
		return Fail
	}
	return Warn
}

// mild is Warn in production, else Note.
func (u Use) mild() Severity {
	if u.Production {
		return Warn
	}
	return Note
}

// Latency is how long a server takes to answer, network included.
type Latency struct {
	Count         int
	Min, P50, P99 time.Duration
}

// LatencyOf sorts and counts.
func LatencyOf(times []time.Duration) Latency {
	if len(times) == 0 {
		return Latency{}
	}
	times = slices.Clone(times)
	slices.Sort(times)
	at := func(percent int) time.Duration { return times[(len(times)-1)*percent/100] }
	return Latency{Count: len(times), Min: times[0], P50: at(50), P99: at(99)}
}

// String is for people.
func (l Latency) String() string {
	if l.Count == 0 {
		return ""
	}
	return fmt.Sprintf("min %s, p50 %s, p99 %s of %d", short(l.Min), short(l.P50), short(l.P99), l.Count)
}

// short rounds to what is worth reading.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// judgeLatency is about any server.
func judgeLatency(kind, subject string, l Latency, slow time.Duration) Finding {
	f := Finding{ID: kind + ".latency", Subject: subject, Severity: OK, Found: l.String()}
	if l.P50 > slow {
		f.Severity, f.Remedy = Warn, fmt.Sprintf("bring it nearer to the application or find what slows it down: half of its answers take longer than %v", slow)
	}
	return f
}

// judgeClock is about any server.
func judgeClock(kind, subject string, skew time.Duration) Finding {
	f := Finding{ID: kind + ".clock", Subject: subject, Severity: OK, Found: "its clock agrees with ours within " + short(max(skew.Abs(), time.Millisecond))}
	if skew.Abs() < skewWarn {
		return f
	}
	f.Severity = Warn
	if skew.Abs() >= skewFail {
		f.Severity = Fail
	}
	word := "ahead of"
	if skew < 0 {
		word = "behind"
	}
	f.Found = fmt.Sprintf("its clock is %s %s ours", short(skew.Abs()), word)
	f.Remedy = "let all machines take their time from NTP (chronyc tracking, timedatectl): ages and lifetimes are wrong by as much"
	return f
}
