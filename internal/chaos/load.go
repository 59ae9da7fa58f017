package chaos

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxInFlight bounds the requests under way. What comes beyond is not
	// sent, but counted.
	maxInFlight = 128
	// visitorCount is the number of users.
	visitorCount = 32
	// defaultRate is in requests per second.
	defaultRate = 400
)

// Load asks the apps at random until Stop.
type Load struct {
	world    *World
	report   *Report
	stop     chan struct{}
	done     chan struct{}
	work     sync.WaitGroup
	slots    chan struct{}
	visitors chan *Visitor
	values   []valueState
	phase    atomic.Pointer[phase]
	quiet    atomic.Bool
	editing  sync.RWMutex // held by edits, so that Quiet can wait for them
}

// edits are the ways in which rows are edited, and how often. One transaction
// for the row and its purge needs both in one database.
var (
	edits         = [...]string{editPurge, editPurge, editPurge, editTx}
	editsOfRivals = [len(edits)]string{editPurge, editPurge, editPurge, editPurge}
)

func (w *World) edits() [len(edits)]string {
	if w.cfg.SQLite != "" {
		return editsOfRivals
	}
	return edits
}

// chooseApp takes one of the apps that do not rest.
func (w *World) chooseApp(random *rand.Rand) *App {
	first := random.IntN(len(w.Apps))
	for i := range w.Apps {
		if app := w.Apps[(first+i)%len(w.Apps)]; !app.resting.Load() {
			return app
		}
	}
	return w.Apps[first]
}

// valueState is the writer's side of one plain value.
type valueState struct {
	mu      sync.Mutex
	version int64
}

// Load starts a load of so many requests per second on all apps; zero is the
// default. The world's apps are at rest until then.
func (w *World) Load(rate int) *Load {
	w.t.Helper()
	l := &Load{
		world: w, report: newReport(w), stop: make(chan struct{}), done: make(chan struct{}),
		slots: make(chan struct{}, maxInFlight), visitors: make(chan *Visitor, visitorCount), values: make([]valueState, w.cfg.Keys),
	}
	for n := range visitorCount {
		l.visitors <- w.Visitor("u" + strconv.Itoa(n))
	}
	l.Phase("before")
	go l.run(time.Second / time.Duration(orDefault(rate, defaultRate)))
	w.t.Cleanup(func() { l.end() })
	return l
}

// phase is a part of a load with a name.
type phase struct {
	name  string
	fault bool
}

// Phase begins a part of the load in which all is well.
func (l *Load) Phase(name string) { l.begin(&phase{name: name}) }

// Fault begins a part of the load in which something is broken.
func (l *Load) Fault(name string) { l.begin(&phase{name: name, fault: true}) }

func (l *Load) begin(p *phase) { l.collect(l.phase.Swap(p)) }

// collect adds what the apps have measured since the last time to a phase. A
// few requests of the next one may be among it.
func (l *Load) collect(p *phase) {
	for _, app := range l.world.Apps {
		// An app that does not run has nothing to say.
		if stats, err := app.Stats("spent=1"); err == nil && p != nil {
			l.report.spent(p, stats.Spent)
		}
	}
}

// Run lets the load go on for d.
func (l *Load) Run(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

// Stop ends the load, waits for what is under way, and returns the report.
func (l *Load) Stop() *Report {
	l.end()
	client.CloseIdleConnections()
	return l.report
}

func (l *Load) end() {
	select {
	case <-l.stop:
		return
	default:
		close(l.stop)
	}
	<-l.done
	l.work.Wait()
	l.collect(l.phase.Load())
}

func (l *Load) run(interval time.Duration) {
	defer close(l.done)
	random := rand.New(rand.NewPCG(l.world.Seed, 0))
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		request := l.choose(random)
		select {
		case l.slots <- struct{}{}:
		default:
			l.report.late.Add(1)
			continue
		}
		l.work.Go(func() {
			defer func() { <-l.slots }()
			// The phase counts in which the request began.
			during := l.phase.Load()
			l.report.add(during, request())
		})
	}
}

// choose takes one request, all of whose random numbers come from the one
// goroutine that has the seed.
func (l *Load) choose(random *rand.Rand) func() Result {
	w, n, dice := l.world, random.Uint64(), random.IntN(100)
	app := w.chooseApp(random)
	// A few keys get most of the requests, as in life.
	key := int(float64(w.cfg.Keys) * random.Float64() * random.Float64())
	name := w.key(key)
	switch {
	case dice < 40:
		return func() Result { return w.Page(app, name) }
	case dice < 50:
		return func() Result { return w.Fragment(app, name) }
	case dice < 65:
		return func() Result { return w.Live(app, name) }
	case dice < 70:
		return func() Result { return w.Value(app, name) }
	case dice < 75:
		return func() Result { return w.Limited(app) }
	case dice < 80:
		return func() Result { return l.change(app, key, n) }
	case dice < 86:
		how := w.edits()[n%uint64(len(edits))]
		return func() Result { return l.edit(app, name, how) }
	}
	return func() Result { return l.visit(app, n) }
}

// Quiet ends the edits until Loud, and returns when none is under way.
func (l *Load) Quiet() {
	l.quiet.Store(true)
	l.editing.Lock()
	defer l.editing.Unlock()
}

// Loud goes on with edits.
func (l *Load) Loud() { l.quiet.Store(false) }

// edit edits a row, or reads it while there are no edits.
func (l *Load) edit(app *App, key, how string) Result {
	l.editing.RLock()
	defer l.editing.RUnlock()
	if l.quiet.Load() {
		return l.world.Page(app, key)
	}
	return l.world.Edit(app, key, how)
}

// change sets or deletes a plain value, unless somebody else is about to.
func (l *Load) change(app *App, key int, n uint64) Result {
	state := &l.values[key]
	if !state.mu.TryLock() {
		return l.world.Value(app, l.world.key(key))
	}
	defer state.mu.Unlock()
	state.version++
	if n%4 == 0 {
		return l.world.Delete(app, l.world.key(key), state.version)
	}
	return l.world.Set(app, l.world.key(key), state.version)
}

// visit does what one user does next.
func (l *Load) visit(app *App, n uint64) Result {
	if n%8 == 0 {
		if g, ok := l.world.Oracle.grave(n / 8); ok {
			return l.world.knock(app, g)
		}
	}
	v := <-l.visitors
	defer func() { l.visitors <- v }()
	switch {
	case !v.In():
		return v.Login(app)
	case n%8 == 1:
		return v.Logout(app)
	}
	return v.Me(app)
}

// Warm asks every app for every row once, so that all that is made at first use
// is there.
func (w *World) Warm() {
	w.t.Helper()
	for _, app := range w.Apps {
		for n := range w.cfg.Keys {
			for _, ask := range []func(*App, string) Result{w.Page, w.Live, w.Fragment} {
				if r := ask(app, w.key(n)); r.Outcome != OK {
					w.t.Fatalf("chaos: warming up: %s", r.Detail)
				}
			}
		}
	}
	client.CloseIdleConnections()
}
