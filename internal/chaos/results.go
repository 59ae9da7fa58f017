package chaos

import (
	"slices"
	"time"
)

// Schema is the version of what -json writes. docs/RELIABILITY.md explains the
// fields.
const Schema = "echoic-chaos/1"

// Run is a run of the fault table, as -json writes it.
type Run struct {
	Schema  string      `json:"schema"`
	Date    string      `json:"date"` // RFC 3339, when it began
	Command string      `json:"command"`
	Seed    uint64      `json:"seed"`
	Go      string      `json:"go"`
	CPUs    int         `json:"cpus"`
	Seconds float64     `json:"seconds"`
	Note    string      `json:"note,omitempty"` // of who ran it, about the machine for example
	Rows    []RowResult `json:"rows"`
}

// RowResult is what one row has shown. Times are in milliseconds.
type RowResult struct {
	Name   string  `json:"name"`
	Fault  string  `json:"fault"`
	Faults string  `json:"faults,omitempty"` // what -rows takes
	Date   string  `json:"date"`
	Passed bool    `json:"passed"`
	Load   []Phase `json:"load,omitempty"`
	// DetectionMS is from the fault to the moment when the last app that gave
	// Redis up had done so; absent if none did.
	DetectionMS *float64 `json:"detection_ms,omitempty"`
	// RecoveryMS is from the end of the fault to the moment when every app
	// keeps values and sessions and acknowledges edits again.
	RecoveryMS *float64 `json:"recovery_ms,omitempty"`
	// AddedP99MS is by how much the p99 of cached pages is longer once the
	// fault was noticed than before it.
	AddedP99MS *float64 `json:"added_p99_ms,omitempty"`
	// StalestMS is how long an answer's successor had been acknowledged when
	// its request began: rows, in pages and fragments, and plain values.
	StalestMS  float64 `json:"stalest_ms"`
	StalestVMS float64 `json:"stalest_values_ms"`
	// NotSent are requests that were due while too many were under way.
	NotSent    int64    `json:"not_sent"`
	Violations int      `json:"violations"`
	Wrong      []string `json:"wrong,omitempty"` // the first of them
	Notes      []string `json:"notes,omitempty"` // figures of rows with a load of their own
}

// Phase is a part of a row.
type Phase struct {
	Name    string           `json:"name"`
	Fault   bool             `json:"fault"`
	Classes map[string]Class `json:"classes"`
}

// Class is one kind of request in one phase.
type Class struct {
	Requests    int     `json:"requests"`
	OK          int     `json:"ok"`
	Miss        int     `json:"miss,omitempty"`
	Lost        int     `json:"lost,omitempty"`
	Unavailable int     `json:"unavailable,omitempty"` // 503
	Failed      int     `json:"failed,omitempty"`
	Gone        int     `json:"gone,omitempty"` // the app was killed meanwhile
	P50MS       float64 `json:"p50_ms"`
	P99MS       float64 `json:"p99_ms"`
	MaxMS       float64 `json:"max_ms"`
}

func ms(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

func msOf(d time.Duration) *float64 {
	v := ms(d)
	return &v
}

// Phases returns what the report has, for machines.
func (r *Report) Phases() []Phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Phase
	for _, p := range r.phases {
		phase := Phase{Name: p.name, Fault: p.fault, Classes: map[string]Class{}}
		for name, c := range p.classes {
			phase.Classes[name] = c.figures()
		}
		list = append(list, phase)
	}
	return list
}

func (c *classReport) figures() Class {
	slices.Sort(c.took)
	f := Class{
		OK: c.count[OK], Miss: c.count[Miss], Lost: c.count[Lost], Unavailable: c.count[Unavailable], Failed: c.count[Failed], Gone: c.count[Gone],
		P50MS: ms(quantile(c.took, 0.5)), P99MS: ms(quantile(c.took, 0.99)), MaxMS: ms(quantile(c.took, 1)),
	}
	for _, n := range c.count {
		f.Requests += n
	}
	return f
}

// judge takes the load's report and the oracle's verdict over.
func (r *RowResult) judge(report *Report) {
	r.Load, r.NotSent = report.Phases(), report.late.Load()
	var before, during *Class
	for _, p := range r.Load {
		page, ok := p.Classes[routePage]
		switch {
		case !ok:
		case p.Name == phaseBefore:
			before = &page
		case p.Name == phaseNoticed:
			during = &page
		}
	}
	if before != nil && during != nil {
		added := during.P99MS - before.P99MS
		r.AddedP99MS = &added
	}
}

// verdict takes what the oracle has seen.
func (r *RowResult) verdict(o *Oracle) {
	r.Violations, r.Wrong = o.Violations()
	r.StalestMS, r.StalestVMS = ms(o.Rows.Stalest()), ms(o.Values.Stalest())
}
