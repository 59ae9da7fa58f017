package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Summary is the result in one line.
func (r RowResult) Summary() string {
	word := "passed"
	if !r.Passed {
		word = "NOT passed"
	}
	total := r.total(true)
	return fmt.Sprintf("%s; in the fault %d requests, %d unavailable, %d failed; noticed %s, recovered %s, p99 of pages %s, stalest %s, %d violations %s",
		word, total.Requests, total.Unavailable, total.Failed, show(r.DetectionMS), show(r.RecoveryMS), signed(r.AddedP99MS), show(&r.StalestMS), r.Violations, strings.Join(r.Notes, "; "))
}

// total adds all classes up, of the phases with the fault or of all.
func (r RowResult) total(fault bool) (sum Class) {
	for _, p := range r.Load {
		if fault && !p.Fault {
			continue
		}
		for _, c := range p.Classes {
			sum.Requests += c.Requests
			sum.OK += c.OK
			sum.Lost += c.Lost
			sum.Unavailable += c.Unavailable
			sum.Failed += c.Failed
			sum.Gone += c.Gone
		}
	}
	return sum
}

func show(v *float64) string {
	if v == nil {
		return "–"
	}
	if *v >= 100 {
		return strconv.FormatFloat(*v, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(*v, 'f', 1, 64) + " ms"
}

func signed(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%+.1f ms", *v)
}

// reliabilityHead explains the page that Markdown makes.
const reliabilityHead = `# Reliability, measured

This page is generated: ` + "`make chaos CHAOSFLAGS=\"-rows all -duration 10m -json docs/reliability.json\"`" + `, then ` + "`make reliability`" + `. Two app servers share Redis and Postgres, each behind its own fault proxy, under a mixed load (cached pages, uncached pages, fragments, values, sessions with logins and logouts, edits with purges). Something breaks; it is mended. Every single answer is judged: right user, right key, right length, right checksum, no older than two seconds after an acknowledged change (at once on the server that acknowledged it), and nobody alive after an acknowledged logout.

Run of %s on %d processors, %s, seed %d, %.0f s in all:

    %s

`

const reliabilityLegend = `
- **requests**: those that began between the fault and the recovery. **503**: answered so, as sessions and edits are while the database is away that keeps them. **failed**: any other answer than the one that was right; one makes a row not pass. **lost**: a session that Redis or its dump has lost; the visitor has to log in again.
- **noticed**: from the fault to the moment when the last app that gave Redis up had done so. **recovered**: from the end of the fault until every app keeps values and sessions and acknowledges edits.
- **added p99**: of cached pages, once the fault was noticed, beside the time before it, as a client sees it.
- **stalest**: how long an answer's successor had been acknowledged when its request began.
- **wrong**: answers that were damaged, another's, too old, or of an ended session. One makes a row not pass.

`

const reliabilityTail = `
## The JSON

` + "`-json FILE`" + ` writes one object of schema ` + "`" + Schema + "`" + `: ` + "`schema`, `date` (RFC 3339), `command`, `seed`, `go`, `cpus`, `seconds`, `note`" + ` and ` + "`rows`" + `. A row has ` + "`name`, `fault`, `faults`" + ` (what ` + "`-rows`" + ` takes), ` + "`date`, `passed`, `detection_ms`, `recovery_ms`, `added_p99_ms`" + ` (absent where they mean nothing), ` + "`stalest_ms`" + ` (pages and fragments), ` + "`stalest_values_ms`, `not_sent`" + ` (due while too many were under way), ` + "`violations`, `wrong`" + ` (the first of them), ` + "`notes`" + ` and ` + "`load`" + `: phases with ` + "`name`, `fault`" + ` and ` + "`classes`" + `, each with ` + "`requests`, `ok`, `miss`, `lost`, `unavailable`, `failed`, `gone`, `p50_ms`, `p99_ms`, `max_ms`" + `.

## Faults of your own

` + "`-rows`" + ` also takes faults that are in no row, joined with ` + "`+`" + `: ` + "`make chaos CHAOSFLAGS=\"-rows redis.link:latency=200ms,cut=701,app=A+postgres.lock -seed 7\"`" + `.

| fault | what | parameters |
|---|---|---|
`

// Markdown is the page about a run.
func (r Run) Markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, reliabilityHead, r.Date, r.CPUs, r.Go, r.Seed, r.Seconds, r.Command)
	if r.Note != "" {
		out.WriteString(r.Note + "\n\n")
	}
	out.WriteString("| row | fault | requests | 503 | failed | lost | noticed | recovered | added p99 | stalest | wrong | passed |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n")
	for _, row := range r.Rows {
		sum := row.total(true)
		passed := "yes"
		if !row.Passed {
			passed = "**no**"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %d | %d | %d | %d | %s | %s | %s | %s | %d | %s |\n", row.Name, row.Fault,
			sum.Requests, sum.Unavailable, sum.Failed, sum.Lost, show(row.DetectionMS), show(row.RecoveryMS), signed(row.AddedP99MS), show(&row.StalestMS), row.Violations, passed)
	}
	out.WriteString(reliabilityLegend)
	r.classes(&out)
	for _, row := range r.Rows {
		for _, note := range row.Notes {
			fmt.Fprintf(&out, "- `%s`: %s\n", row.Name, note)
		}
	}
	out.WriteString(reliabilityTail)
	all := kinds()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", name, all[name].about, strings.Join(all[name].params, ", "))
	}
	return out.String()
}

// classes is a table of what came of requests in faults, by class, over all rows.
func (r Run) classes(out *strings.Builder) {
	sums := map[string]Class{}
	for _, row := range r.Rows {
		for _, p := range row.Load {
			if !p.Fault {
				continue
			}
			for name, c := range p.Classes {
				sum := sums[name]
				sum.Requests, sum.Unavailable, sum.Failed = sum.Requests+c.Requests, sum.Unavailable+c.Unavailable, sum.Failed+c.Failed
				sums[name] = sum
			}
		}
	}
	out.WriteString("In the faults of all rows, by class of request:\n\n| class | requests | 503 | failed |\n|---|--:|--:|--:|\n")
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(out, "| `%s` | %d | %d | %d |\n", name, sums[name].Requests, sums[name].Unavailable, sums[name].Failed)
	}
	out.WriteString("\n")
}
