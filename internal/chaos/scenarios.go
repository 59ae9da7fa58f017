package chaos

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

func (r *RowResult) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// mostCrashes is how often an app dies after a commit, if there is time.
const mostCrashes = 200

// killedAfterCommit has an app die when the transaction with an edit and its
// purge has been committed, before it can do anything else, again and again.
func killedAfterCommit(e *Env, result *RowResult, opt Options) {
	w := e.World
	w.Warm()
	crashed, other := w.Apps[0], w.Apps[1]
	begun, n := time.Now(), 0
	for ; n < mostCrashes && (n < 2 || time.Since(begun) < 2*opt.Fault); n++ {
		key := w.key(n)
		version := w.Row(key)
		if r := w.Edit(crashed, key, editCrash); r.Outcome == OK {
			e.t.Fatal("the app survived its death")
		}
		crashed.Died()
		if w.Row(key) != version+1 {
			e.t.Fatal("the edit was not committed")
		}
		if n%2 == 1 { // nobody else is there to notice
			other.Kill()
			other.Start()
		}
		crashed.Start()
		// From the restart on there is a second.
		w.Oracle.Rows.Acknowledge(key, version+1, "", time.Second)
		for since := time.Now(); time.Since(since) < 1200*time.Millisecond; {
			for _, app := range w.Apps {
				for _, r := range []Result{w.Page(app, key), w.Live(app, key), w.Fragment(app, key)} {
					if r.Outcome != OK {
						e.t.Errorf("%s: %v: %s", r.Class, r.Outcome, r.Detail)
					}
				}
			}
		}
	}
	result.note("%d crashes", n)
}

// refusedLogouts is how many users log out.
const refusedLogouts = 40

// refusedLogout has users log out on one app while Redis takes no writes, and
// tries their sessions on the other one until they are dead there.
func refusedLogout(e *Env, result *RowResult, _ Options) {
	w := e.World
	here, there := w.Apps[0], w.Apps[1]
	var visitors []*Visitor
	for n := range refusedLogouts {
		v := w.Visitor(fmt.Sprintf("u%d", n))
		e.require(v.Login(here), "a login")
		visitors = append(visitors, v)
	}
	refuse := kinds()["redis.readonly"].make(e, &params{})
	refuse.begin()
	acknowledged, longest := 0, time.Duration(0)
	for _, v := range visitors {
		ended := grave{user: v.User, cookie: v.cookie}
		if v.Logout(here).Outcome != OK {
			continue
		}
		acknowledged++
		ended.at = time.Now()
		for w.knock(there, ended).Outcome == Failed && time.Since(ended.at) < patience {
			longest = max(longest, time.Since(ended.at))
		}
	}
	refuse.end()
	if acknowledged < refusedLogouts-noise {
		e.t.Errorf("%d of %d logouts were acknowledged: the database has them without Redis", acknowledged, refusedLogouts)
	}
	result.note("%d of %d logouts were acknowledged; the other app took a session for alive for at most %v", acknowledged, refusedLogouts, longest.Round(time.Millisecond))
}

// coldClients is how many clients ask at the same time.
const coldClients = 1000

// coldStart has many clients ask two servers for one page that nobody has.
func coldStart(e *Env, result *RowResult, _ Options) {
	runs, failed, took := e.World.Stampede("cold", coldClients)
	for _, app := range e.World.Apps {
		if stats, err := app.Stats("reasons=1"); err == nil {
			result.note("the last answers of app %s: %v", app.Name, stats.Reasons)
		}
	}
	if failed > 0 {
		e.t.Errorf("%d of %d clients got no page", failed, coldClients)
	}
	if runs != 1 {
		// Every server may run it once where there is no lease: where the store
		// was given up meanwhile; and once more in each further second, for a
		// page that no store has is at hand for so long. On a healthy one it is
		// once.
		if most := len(e.World.Apps) * (1 + int(took/time.Second)); runs > most || e.allClosed() {
			e.t.Errorf("the handler ran %d times for %d clients of %d servers; at most %d may be", runs, coldClients, len(e.World.Apps), most)
		}
	}
	result.note("%d clients, %d servers: %d run of the handler, the last client served after %v", coldClients, len(e.World.Apps), runs, took.Round(time.Millisecond))
}

// allClosed reports whether no app has ever given Redis up.
func (e *Env) allClosed() bool {
	for _, app := range e.World.Apps {
		if stats, err := app.Stats(""); err != nil || stats.Opened > 0 {
			return false
		}
	}
	return true
}

// Stampede has n clients ask all apps in turns for one page that is not kept, and
// returns how often its handler ran, how many clients got no page, and how long
// all of it took.
func (w *World) Stampede(key string, n int) (runs, failed int, took time.Duration) {
	w.t.Helper()
	before := w.runs()
	var work sync.WaitGroup
	var bad atomic.Int64
	start := make(chan struct{})
	for i := range n {
		app := w.Apps[i%len(w.Apps)]
		work.Go(func() {
			<-start
			if r := w.Slow(app, key); r.Outcome != OK {
				bad.Add(1)
				w.t.Log(r.Detail)
			}
		})
	}
	begun := time.Now()
	close(start)
	work.Wait()
	took = time.Since(begun)
	client.CloseIdleConnections()
	return w.runs() - before, int(bad.Load()), took
}

// Slow asks for the page of a handler that takes its time.
func (w *World) Slow(app *App, key string) Result { return w.read(app, "slow", key, w.Oracle.Values) }

// runs is how often the handlers ran that count it.
func (w *World) runs() (sum int) {
	for _, app := range w.Apps {
		stats, err := app.Stats("")
		if err != nil {
			w.t.Fatalf("chaos: app %s: %v", app.Name, err)
		}
		sum += int(stats.Runs)
	}
	return sum
}

// moodsThatFail are those in which the handler gives no whole answer.
func moodsThatFail() []string { return []string{moodError, moodPanic, moodHalf, moodBroken, moodHang} }

// failingHandlers has the handler of a page fail in every way: who has an old
// page shows it, who has none shows an error, and nothing of it is kept.
func failingHandlers(e *Env, result *RowResult, _ Options) {
	w := e.World
	for _, mood := range moodsThatFail() {
		old, fresh := "old-"+mood, "new-"+mood
		e.mood(moodWell)
		e.require(w.moody(w.Apps[0], old), "a page of a well handler")
		wait(2 * moodyTTL) // it is stale now
		e.mood(mood)
		served := 0
		for _, app := range w.Apps {
			if w.whole(app, old) {
				served++
			}
			if w.whole(app, fresh) {
				e.t.Errorf("mood %s: a page came out of a handler that fails", mood)
			}
		}
		if mood != moodHang && served != len(w.Apps) {
			e.t.Errorf("mood %s: %d of %d servers showed the old page", mood, served, len(w.Apps))
		}
		e.mood(moodWell)
		for _, app := range w.Apps {
			e.require(w.moody(app, fresh), "the page of "+mood+" is made when the handler is well again")
		}
		result.note("handler %s: %d of %d servers showed the old page; nothing was kept of the new one", mood, served, len(w.Apps))
	}
	e.leave(result)
}

// leave has clients go while their page is made, and others wait for it.
func (e *Env) leave(result *RowResult) {
	var work sync.WaitGroup
	var left, served atomic.Int64
	for i := range 20 {
		app := e.World.Apps[i%len(e.World.Apps)]
		work.Go(func() {
			if i < 10 {
				e.World.given(app, "/slow/left", slowHandler/3)
				left.Add(1)
				return
			}
			wait(slowHandler / 6) // not the first
			if r := e.World.Slow(app, "left"); r.Outcome == OK {
				served.Add(1)
			}
		})
	}
	work.Wait()
	if served.Load() != 10 {
		e.t.Errorf("%d of 10 clients were served that waited for what others had given up", served.Load())
	}
	result.note("%d clients left midway, %d others were served", left.Load(), served.Load())
}

// moody asks for the page of the handler with moods, when that is well.
func (w *World) moody(app *App, key string) Result {
	return w.read(app, "moody", key, w.Oracle.Values)
}

// moodPatience is how long a client waits for a handler that may hang.
const moodPatience = 300 * time.Millisecond

// whole reports whether a page came out, of a handler that fails: what it wrote
// before it did has gone to its own client.
func (w *World) whole(app *App, key string) bool {
	status, text := w.given(app, "/moody/"+key, moodPatience)
	if status != http.StatusOK {
		return false
	}
	body, err := ParseBody(text)
	return err == nil && body.Key == key
}

// given asks for path and gives up after patience: status 0.
func (w *World) given(app *App, path string, patience time.Duration) (status int, body string) {
	l := app.running()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+path, nil)
	if err != nil {
		return 0, ""
	}
	r.Host = siteHost
	res, err := client.Do(r)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, ""
	}
	return res.StatusCode, string(text)
}

func (e *Env) mood(mood string) {
	for _, app := range e.World.Apps {
		a := e.World.ask(app, http.MethodPost, "/mood/"+mood, "")
		if a.outcome(http.StatusNoContent) != OK {
			e.t.Fatalf("chaos: app %s is in no mood: %v", app.Name, a.err)
		}
	}
}

func (e *Env) require(r Result, what string) {
	if r.Outcome != OK {
		e.t.Errorf("%s: %v: %s", what, r.Outcome, r.Detail)
	}
}

// wait lets time pass in which the apps' clocks go on.
func wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}
