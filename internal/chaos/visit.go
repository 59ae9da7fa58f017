package chaos

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Result is the outcome of one request and what to say about it.
type Result struct {
	Class   string // the route
	Outcome Outcome
	Took    time.Duration
	Detail  string // of a failure
}

func (a answer) result(class string, outcome Outcome) Result {
	r := Result{Class: class, Outcome: outcome, Took: a.took}
	if outcome == Failed || outcome == Unavailable {
		r.Detail = fmt.Sprintf("%s: %d %v %.200s", a.life, a.status, a.err, a.body)
	}
	return r
}

// Page asks for the cached page of a row.
func (w *World) Page(app *App, key string) Result { return w.read(app, routePage, key, w.Oracle.Rows) }

// Live asks for the page that is not cached, and reads a cached value.
func (w *World) Live(app *App, key string) Result { return w.read(app, routeLive, key, w.Oracle.Rows) }

// Fragment asks for a page that is not cached, with a fragment that is.
func (w *World) Fragment(app *App, key string) Result {
	return w.read(app, routeFragment, key, w.Oracle.Rows)
}

// Value asks for a plain value.
func (w *World) Value(app *App, key string) Result {
	return w.read(app, routeValue, key, w.Oracle.Values)
}

func (w *World) read(app *App, route, key string, history *History) Result {
	a := w.ask(app, http.MethodGet, "/"+route+"/"+key, "")
	outcome := a.outcome(http.StatusOK)
	if route == routeValue && a.err == nil && a.status == http.StatusNotFound {
		outcome = Miss
	}
	if outcome != OK {
		return a.result(route, outcome)
	}
	body, ok := w.parse(a, route, key)
	if !ok {
		return a.result(route, Failed)
	}
	if a.cookie != "" {
		w.Oracle.violate("leak: %s %s on %s came with a session cookie", route, key, a.life)
	}
	w.checkAge(a, route)
	if err := history.Check(key, body.Version, a.life, a.begun); err != nil {
		w.Oracle.violate("stale %s: %v", route, err)
	}
	return a.result(route, OK)
}

// checkAge checks that what is kept is neither of the future nor immortal.
func (w *World) checkAge(a answer, route string) {
	if a.age == "" {
		return
	}
	age, err := strconv.Atoi(a.age)
	if err != nil || age < 0 || age > int(pageTTL/time.Second) {
		w.Oracle.violate("age: a %s from %s says Age: %q; it lives for %v", route, a.life, a.age, pageTTL)
	}
}

// parse checks that the answer is whole and is what was asked for.
func (w *World) parse(a answer, kind, key string) (Body, bool) {
	body, err := ParseBody(a.body)
	switch {
	case err != nil:
		w.Oracle.violate("damaged %s of %s on %s: %v", kind, key, a.life, err)
	case body.Kind != kind || body.Key != key:
		w.Oracle.violate("leak: asked %s for %s %s, got %s %s", a.life, kind, key, body.Kind, body.Key)
	default:
		return body, true
	}
	return Body{}, false
}

// Edit makes a new version of a row. how is one of the ways in which an edit is
// acknowledged.
func (w *World) Edit(app *App, key, how string) Result {
	bound := w.Oracle.Bound()
	a := w.ask(app, http.MethodPost, "/edit/"+key+"?how="+how, "")
	outcome := a.outcome(http.StatusOK)
	if outcome != OK {
		return a.result(routeEdit, outcome)
	}
	body, ok := w.parse(a, routeEdit, key)
	if !ok {
		return a.result(routeEdit, Failed)
	}
	life := a.life
	if how == editTx {
		life = "" // the app hears of its own transaction as all others do
	}
	w.Oracle.Rows.Acknowledge(key, body.Version, life, bound)
	return a.result(routeEdit, OK)
}

// Set sets a plain value. Only one call may change a key at a time.
func (w *World) Set(app *App, key string, version int64) Result {
	return w.change(app, routeSet, http.MethodPut, fmt.Sprintf("/value/%s?version=%d", key, version), key, version)
}

// Delete removes a plain value. version is greater than those that were set
// before: they may not be seen again. Only one call may change a key at a time.
func (w *World) Delete(app *App, key string, version int64) Result {
	return w.change(app, routeDelete, http.MethodDelete, "/value/"+key, key, version)
}

func (w *World) change(app *App, class, method, path, key string, version int64) Result {
	bound := w.Oracle.Bound()
	a := w.ask(app, method, path, "")
	outcome := a.outcome(http.StatusNoContent)
	switch {
	case outcome == OK:
		w.Oracle.Values.Acknowledge(key, version, a.life, bound)
	case a.err == nil && a.status == http.StatusAccepted:
		outcome = Miss // nothing was there, or the store has failed
	}
	return a.result(class, outcome)
}

// Visitor is a user with a browser. It is used by one goroutine at a time.
type Visitor struct {
	User   string
	cookie string
	world  *World
}

// Visitor returns a user who is not logged in.
func (w *World) Visitor(user string) *Visitor { return &Visitor{User: user, world: w} }

// In reports whether the visitor has logged in, as far as he knows.
func (v *Visitor) In() bool { return v.cookie != "" }

// Login logs the visitor in.
func (v *Visitor) Login(app *App) Result {
	a := v.world.ask(app, http.MethodPost, "/login/"+v.User, v.cookie)
	outcome := a.outcome(http.StatusNoContent)
	if outcome == OK && a.cookie == "" {
		return Result{Class: routeLogin, Outcome: Failed, Took: a.took, Detail: a.life + ": a login without a cookie"}
	}
	if outcome == OK {
		v.cookie = a.cookie
	}
	return a.result(routeLogin, outcome)
}

// Me asks for the visitor's own page.
func (v *Visitor) Me(app *App) Result {
	a := v.world.ask(app, http.MethodGet, "/me", v.cookie)
	if a.err == nil && a.status == http.StatusUnauthorized {
		// An outage may lose sessions; it must not make more of them.
		v.cookie = ""
		return a.result(routeMe, Lost)
	}
	outcome := a.outcome(http.StatusOK)
	if outcome != OK {
		return a.result(routeMe, outcome)
	}
	body, ok := v.world.parse(a, routeMe, v.User)
	if !ok || body.User != v.User {
		if ok {
			v.world.Oracle.violate("leak: %s was shown the page of %s by %s", v.User, body.User, a.life)
		}
		return a.result(routeMe, Failed)
	}
	return a.result(routeMe, OK)
}

// Logout ends the visitor's session. Whatever comes of it, the visitor forgets
// it; only what was acknowledged has to be dead.
func (v *Visitor) Logout(app *App) Result {
	cookie := v.cookie
	v.cookie = ""
	a := v.world.ask(app, http.MethodPost, "/logout", cookie)
	outcome := a.outcome(http.StatusNoContent)
	if outcome == OK {
		v.world.Oracle.Bury(v.User, cookie)
	}
	return a.result(routeLogout, outcome)
}

// knock tries whether an ended session is alive.
func (w *World) knock(app *App, g grave) Result {
	a := w.ask(app, http.MethodGet, "/me", g.cookie)
	outcome := a.outcome(http.StatusUnauthorized)
	if a.err == nil && a.status == http.StatusOK {
		w.Oracle.violate("revived: the session of %s is alive on %s, %v after the logout", g.user, a.life, a.begun.Sub(g.at).Round(time.Millisecond))
		outcome = Failed
	}
	return a.result(routeMe, outcome)
}

// KnockAll tries whether any ended session is alive on any app.
func (w *World) KnockAll() {
	w.t.Helper()
	for _, g := range w.Oracle.allGraves() {
		for _, app := range w.Apps {
			if r := w.knock(app, g); r.Outcome == Failed {
				w.t.Errorf("an ended session: %s", r.Detail)
			}
		}
	}
}
