package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// SoakSchema is the version of what a soak writes as JSON.
const SoakSchema = "echoic-soak/1"

// SoakOptions are those of a soak.
type SoakOptions struct {
	// Duration is how long the load goes on, Every the time between two faults.
	Duration, Every time.Duration
	// Rate is in requests per second; zero is the default.
	Rate int
}

// SoakResult is what a soak has shown.
type SoakResult struct {
	Schema  string  `json:"schema"`
	Date    string  `json:"date"`
	Command string  `json:"command"`
	Seed    uint64  `json:"seed"`
	Passed  bool    `json:"passed"`
	Seconds float64 `json:"seconds"`
	// Requests are all, and Unavailable (503), Failed and Lost are among them.
	Requests    int      `json:"requests"`
	Unavailable int      `json:"unavailable"`
	Failed      int      `json:"failed"`
	Lost        int      `json:"lost"`
	NotSent     int64    `json:"not_sent"`
	Violations  int      `json:"violations"`
	Faults      []string `json:"faults"`
	Apps        []Growth `json:"apps"`
}

// Growth is what an app's process grew by.
type Growth struct {
	App string `json:"app"`
	// HeapSlope is in bytes per hour: least squares over the live heap, sampled
	// after collections. HeapFirst and HeapLast are its first and last samples.
	HeapSlope float64 `json:"heap_slope_bytes_per_hour"`
	HeapFirst uint64  `json:"heap_first_bytes"`
	HeapLast  uint64  `json:"heap_last_bytes"`
	// Goroutines and Files (descriptors) are at rest before and after the load,
	// and the most that a sample found.
	GoroutinesBefore int `json:"goroutines_before"`
	GoroutinesMost   int `json:"goroutines_most"`
	GoroutinesAfter  int `json:"goroutines_after"`
	FilesBefore      int `json:"files_before"`
	FilesMost        int `json:"files_most"`
	FilesAfter       int `json:"files_after"`

	samples []sample
}

type sample struct {
	at   time.Duration
	heap float64
}

// soakFaults are those that a soak takes from. They leave the apps' processes
// alone, whose growth is measured.
func soakFaults() []string {
	return []string{
		"redis.kill", "redis.stop", "redis.oom", "redis.readonly", "redis.pause", "redis.maxclients", "redis.auth",
		"redis.link:latency=500ms,to=client", "redis.link:cut=701,to=client", "redis.link:slice=1,pause=1ms,to=client",
		"redis.link:blackhole,app=A", "redis.link:blackhole,to=client,app=B", "redis.link:refuse,reset",
		"redis.tracking:every=300ms", "redis.overrun:every=1s", "redis.flap:down=500ms,up=500ms",
		"postgres.terminate:every=500ms", "postgres.lock", "postgres.readonly", "postgres.link:latency=50ms",
		"redis.link:latency=200ms,cut=2048+postgres.terminate:every=500ms",
	}
}

// The limits of a soak.
const (
	// heapGrowth is by how much the live heap may seem to grow over the whole
	// run, whatever its size; heapShare is the part of it that may be more.
	heapGrowth = 8 << 20
	heapShare  = 0.25
	// fileSlack is how many more descriptors than before an app may have.
	fileSlack = 32
)

// Soak keeps a mixed load up and breaks something every now and then.
func Soak(t testing.TB, opt SoakOptions) *SoakResult {
	t.Helper()
	result := &SoakResult{Schema: SoakSchema, Date: time.Now().UTC().Format(time.RFC3339)}
	var all []Spec
	for _, text := range soakFaults() {
		specs, err := ParseFaults(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, specs...)
	}
	e := newEnv(t, Row{}, all)
	result.Seed = e.World.Seed
	e.World.Warm()
	e.World.AtRest()
	for i, app := range e.World.Apps {
		stats := e.stats(app)
		result.Apps = append(result.Apps, Growth{App: app.Name, GoroutinesBefore: e.World.base[i], FilesBefore: stats.Files})
	}
	load := e.World.Load(opt.Rate)
	begun := time.Now()
	e.soak(load, result, opt)
	report := load.Stop()
	result.Seconds = time.Since(begun).Round(time.Second).Seconds()
	report.MayFail(databaseClasses()...).Require(t)
	e.World.RequireRest()
	e.account(result, report, opt)
	return result
}

// soak is the load's time: a part in which all is well, and then a fault.
func (e *Env) soak(load *Load, result *SoakResult, opt SoakOptions) {
	random := rand.New(rand.NewPCG(e.World.Seed, 1))
	faults := soakFaults()
	begun := time.Now()
	for n := 1; time.Since(begun) < opt.Duration; n++ {
		load.Phase(fmt.Sprintf("well %d", n))
		e.sampled(load, result, begun, opt.Every*3/4)
		text := faults[random.IntN(len(faults))]
		result.Faults = append(result.Faults, text)
		specs, err := ParseFaults(text)
		e.check(err)
		load.Fault(fmt.Sprintf("fault %d", n))
		var injections []injection
		for _, spec := range specs {
			i := kinds()[spec.Name].make(e, &params{spec: spec})
			i.begin()
			injections = append(injections, i)
		}
		e.sampled(load, result, begun, opt.Every/4)
		for _, i := range slices.Backward(injections) {
			i.end()
		}
		e.recovered()
	}
}

// soakSamples is how often the apps are looked at between two faults.
const soakSamples = 4

// sampled lets the load go on for d, and looks at the apps meanwhile.
func (e *Env) sampled(load *Load, result *SoakResult, begun time.Time, d time.Duration) {
	for range soakSamples {
		load.Run(d / soakSamples)
		for i, app := range e.World.Apps {
			g := &result.Apps[i]
			stats := e.stats(app)
			g.samples = append(g.samples, sample{time.Since(begun), float64(stats.HeapLive)})
			g.GoroutinesMost, g.FilesMost = max(g.GoroutinesMost, stats.Goroutines), max(g.FilesMost, stats.Files)
		}
	}
}

func (e *Env) stats(app *App) Stats {
	stats, err := app.Stats("heap=1")
	if err != nil {
		e.t.Errorf("chaos: app %s: %v", app.Name, err)
	}
	return stats
}

// account adds everything up, and fails the test for what grew.
func (e *Env) account(result *SoakResult, report *Report, opt SoakOptions) {
	row := RowResult{Load: report.Phases()}
	sum := row.total(false)
	result.Requests, result.Unavailable, result.Failed, result.Lost, result.NotSent = sum.Requests, sum.Unavailable, sum.Failed, sum.Lost, report.late.Load()
	result.Violations, _ = e.World.Oracle.Violations()
	for i, app := range e.World.Apps {
		g, stats := &result.Apps[i], e.stats(app)
		g.GoroutinesAfter, g.FilesAfter = stats.Goroutines, stats.Files
		// What fills up at the beginning is no growth.
		later := g.samples[len(g.samples)/5:]
		slope := slopeOf(later) // bytes per second
		g.HeapFirst, g.HeapLast, g.HeapSlope = uint64(later[0].heap), uint64(later[len(later)-1].heap), slope*time.Hour.Seconds()
		if grown, most := slope*opt.Duration.Seconds(), max(heapGrowth, heapShare*later[0].heap); grown > most {
			e.t.Errorf("app %s: its live heap grew by %.0f bytes in the run; at most %.0f", g.App, grown, most)
		}
		if g.FilesAfter > g.FilesBefore+fileSlack {
			e.t.Errorf("app %s: %d descriptors, before %d", g.App, g.FilesAfter, g.FilesBefore)
		}
	}
}

// slopeOf is the slope of the straight line with the least squares, per second.
func slopeOf(samples []sample) float64 {
	var x, y, xx, xy float64
	n := float64(len(samples))
	for _, s := range samples {
		t := s.at.Seconds()
		x, y, xx, xy = x+t, y+s.heap, xx+t*t, xy+t*s.heap
	}
	if d := n*xx - x*x; d > 0 {
		return (n*xy - x*y) / d
	}
	return 0
}

// Table is the result for people.
func (r *SoakResult) Table() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s, seed %d, %s, %.0f s: %d requests, %d answered with 503, %d failed, %d sessions lost, %d not sent, %d answers wrong, %d faults\n\n",
		r.Date, r.Seed, r.Command, r.Seconds, r.Requests, r.Unavailable, r.Failed, r.Lost, r.NotSent, r.Violations, len(r.Faults))
	out.WriteString("| app | heap slope | live heap, first and last | goroutines before, most, after | descriptors before, most, after |\n|---|--:|--:|--:|--:|\n")
	for _, g := range r.Apps {
		fmt.Fprintf(&out, "| %s | %+.0f KiB/h | %.1f, %.1f MiB | %d, %d, %d | %d, %d, %d |\n", g.App, g.HeapSlope/1024,
			float64(g.HeapFirst)/(1<<20), float64(g.HeapLast)/(1<<20), g.GoroutinesBefore, g.GoroutinesMost, g.GoroutinesAfter, g.FilesBefore, g.FilesMost, g.FilesAfter)
	}
	return out.String()
}
