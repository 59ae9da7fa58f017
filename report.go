package echoic

import (
	"time"

	"github.com/echoic-go/echoic/internal/audit"
)

// Severity is how bad a [Finding] is.
type Severity string

// The severities, from the best to the worst.
const (
	SeverityOK      Severity = "ok"      // it was looked at, and is right
	SeverityNote    Severity = "note"    // good to know
	SeverityUnknown Severity = "unknown" // the server forbids the question
	SeverityWarn    Severity = "warn"    // to be looked at
	SeverityFail    Severity = "fail"    // endangers data, sessions or visitors
)

// Finding is what one rule of the security checklist says of one thing.
type Finding struct {
	// ID names the rule, as docs/security-checklist.md does.
	ID string `json:"id"`
	// Subject is what it is about: a server with its address, or "application".
	Subject  string   `json:"subject"`
	Severity Severity `json:"severity"`
	// Found is what was found, with the value; secrets are masked.
	Found string `json:"found"`
	// Remedy is what to do; empty for what is right.
	Remedy string `json:"remedy,omitempty"`
}

// ServerFact is something that a server says of itself.
type ServerFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ServerReport is one server, as it describes itself.
type ServerReport struct {
	Kind    string       `json:"kind"` // redis, sentinel, postgres
	Addr    string       `json:"addr"`
	Version string       `json:"version"`
	Role    string       `json:"role"`
	Pings   PingReport   `json:"latency"`
	SkewMS  int64        `json:"clock_skew_ms"` // its clock minus ours
	Facts   []ServerFact `json:"facts"`
}

// PingReport is how long a server takes to answer, network included.
type PingReport struct {
	Count int           `json:"count"`
	Min   time.Duration `json:"min_ns"`
	P50   time.Duration `json:"p50_ns"`
	P99   time.Duration `json:"p99_ns"`
}

// Report is all that [Audit] found.
type Report struct {
	Env      string         `json:"env"`
	Prefix   string         `json:"prefix"`
	Checks   []CheckResult  `json:"checks"`
	Servers  []ServerReport `json:"servers"`
	Findings []Finding      `json:"findings"`
}

// Connected reports whether everything that is configured works: what fails
// otherwise is in Checks.
func (r Report) Connected() bool {
	for _, c := range r.Checks {
		if !c.OK {
			return false
		}
	}
	return true
}

// Count returns how many findings have the severity.
func (r Report) Count(s Severity) (n int) {
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// take adds what the audit of some servers found.
func (r *Report) take(result audit.Result) {
	for _, s := range result.Servers {
		server := ServerReport{
			Kind: s.Kind, Addr: s.Addr, Version: s.Version, Role: s.Role, SkewMS: s.Skew.Milliseconds(),
			Pings: PingReport(s.Latency),
		}
		for _, f := range s.Facts {
			server.Facts = append(server.Facts, ServerFact(f))
		}
		r.Servers = append(r.Servers, server)
	}
	for _, f := range result.Findings {
		r.add(Finding{ID: f.ID, Subject: f.Subject, Severity: Severity(f.Severity), Found: f.Found, Remedy: f.Remedy})
	}
}

func (r *Report) add(list ...Finding) { r.Findings = append(r.Findings, list...) }
