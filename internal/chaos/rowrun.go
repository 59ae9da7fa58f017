package chaos

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options are what all rows of a run have in common.
type Options struct {
	// Fault is how long a fault lasts. The parts before and after it are half
	// as long.
	Fault time.Duration
	// Rate is in requests per second; zero is the default.
	Rate int
}

// The names of a row's phases.
const (
	phaseBefore   = "before"
	phaseBreaking = "breaking" // from the fault until it was noticed
	phaseNoticed  = "noticed"
	phaseMending  = "mending" // from the end of the fault until all is used again
	phaseAfter    = "after"
)

// Choose returns the rows that text names, separated by blanks: names of rows,
// "ci", "all", or faults as ParseFaults reads them, which make a row of their own.
func Choose(text string) ([]Row, error) {
	var chosen []Row
	for word := range strings.FieldsSeq(text) {
		found := slices.DeleteFunc(Rows(), func(r Row) bool {
			return word != "all" && word != r.Name && (word != "ci" || !r.CI)
		})
		if len(found) == 0 {
			if _, err := ParseFaults(word); err != nil {
				return nil, fmt.Errorf("chaos: %q is no row, and no fault either: %w", word, err)
			}
			found = []Row{{Name: word, Fault: "composed", Faults: word, Quiet: strings.Contains(word, "postgres.")}}
		}
		chosen = append(chosen, found...)
	}
	if len(chosen) == 0 {
		return nil, errors.New("chaos: no row is named")
	}
	return chosen, nil
}

// Run runs a row and returns what it has shown. It fails t for every answer that
// was wrong.
func (r Row) Run(t testing.TB, opt Options) (result *RowResult) {
	t.Helper()
	result = &RowResult{Name: r.Name, Fault: r.Fault, Faults: r.Faults, Date: time.Now().UTC().Format(time.RFC3339)}
	specs, err := ParseFaults(r.Faults)
	if err != nil {
		t.Fatal(err)
	}
	opt.Fault = max(opt.Fault, r.Least)
	env := newEnv(t, r, specs)
	if r.Own != nil {
		r.Own(env, result, opt)
	} else {
		r.common(env, specs, result, opt)
	}
	result.verdict(env.World.Oracle)
	if result.Violations > 0 {
		t.Errorf("%d answers were wrong:\n%s", result.Violations, strings.Join(result.Wrong, "\n"))
	}
	env.requireSound()
	return result
}

// common is the scenario of most rows: a mixed load, through the faults.
func (r Row) common(e *Env, specs []Spec, result *RowResult, opt Options) {
	var injections []injection
	var may []string
	for _, spec := range specs {
		k := kinds()[spec.Name]
		injections = append(injections, k.make(e, &params{spec: spec}))
		may = append(may, k.mayFail...)
	}
	e.World.Warm()
	e.World.AtRest()
	load := e.World.Load(opt.Rate)
	load.Run(opt.Fault / 2)
	if r.Quiet {
		load.Quiet()
		e.World.Warm()
		e.World.Warm() // a process holds what it has read, not what it has made
	}
	load.Fault(phaseBreaking)
	watch := e.watch()
	for _, i := range injections {
		i.begin()
	}
	load.Loud()
	watch.await(opt.Fault / 4)
	load.Fault(phaseNoticed)
	load.Run(opt.Fault * 3 / 4)
	result.DetectionMS = watch.stop()
	load.Fault(phaseMending)
	for _, i := range slices.Backward(injections) {
		i.end()
	}
	result.RecoveryMS = msOf(e.recovered())
	load.Phase(phaseAfter)
	load.Run(opt.Fault / 2)
	report := load.Stop()
	e.World.KnockAll()
	// An app that starts anew without Redis knows of no requests before.
	if r.stack(specs) != OnSQLite || !uses(specs, "app.") {
		most, may := e.World.judgeLimit(r.Faults != "none")
		result.note("limiter: at most %d requests were allowed in a second, of %d that may be", most, may)
	}
	result.judge(report)
	seldom := sessionClasses()
	if uses(specs, "postgres.") {
		// A page that Redis does not give in time has to be made of the rows, and
		// one that is not kept of those that were just edited.
		report.MayBeLate(routePage, routeFragment).WaitsForRows()
		seldom = append(seldom, routeLive)
	}
	report.MayFail(may...).MayFailSeldom(seldom...)
	report.Require(e.t)
	if !uses(specs, "app.") { // those that were started again have another rest
		e.World.RequireRest()
	}
}

// watcher looks when apps give Redis up.
type watcher struct {
	begun   time.Time
	noticed chan struct{} // closed when the first app has
	over    chan struct{}
	work    sync.WaitGroup
	mu      sync.Mutex
	last    time.Duration
	count   int
}

// watchEvery is how often an app is asked.
const watchEvery = 10 * time.Millisecond

func (e *Env) watch() *watcher {
	w := &watcher{begun: time.Now(), noticed: make(chan struct{}), over: make(chan struct{})}
	for _, app := range e.World.Apps {
		before, err := app.Stats("")
		if err != nil {
			continue
		}
		w.work.Go(func() { w.follow(app, before.Opened) })
	}
	return w
}

func (w *watcher) follow(app *App, opened int64) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-w.over:
			return
		}
		now, err := app.Stats("")
		if err != nil || now.Opened <= opened {
			continue
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.last = max(w.last, time.Since(w.begun))
		if w.count++; w.count == 1 {
			close(w.noticed)
		}
		return
	}
}

// await returns when the first app has noticed, or after d.
func (w *watcher) await(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.noticed:
	case <-timer.C:
	}
}

// stop returns when the last app noticed that did, nil if none did.
func (w *watcher) stop() *float64 {
	close(w.over)
	w.work.Wait()
	if w.count == 0 {
		return nil
	}
	return msOf(w.last)
}
