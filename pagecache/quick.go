package pagecache

import (
	"net/http"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// ServeHit answers r if that takes no thought, and reports whether it did: a fresh
// page that this process holds, in the form in which it was served before, to a GET
// that asks for nothing but that. Else it has done nothing, and [Pages.Serve] is to
// be called, which begins with the same. It allocates nothing.
func (p *Pages) ServeHit(w http.ResponseWriter, r *http.Request, route *Route) bool {
	if r.Method != http.MethodGet || hasBody(r) || *marksOf(r.Context()) != noMarks {
		return false
	}
	if special(r.Header) || route.strict && anyPresent(r.Header, steering[:]) || sourceReads(r) > 0 {
		return false
	}
	if p.anyTold(r) {
		return false
	}
	at := p.places.of(r, route, p.scheme(r))
	if at == nil || len(route.allowCookies) > 0 && hasCookie(r, route.allowCookies) {
		return false
	}
	h := w.Header()
	if len(h["Vary"]) > 0 { // of middleware outside, which may code bodies
		return false
	}
	e, deps := p.peek(r, at)
	if e == nil {
		return false
	}
	start := p.tallies.begin()
	now := p.cfg.Now()
	age := ageOf(e, now)
	if age >= e.life || e.validate {
		return false
	}
	f := e.form(p.codingFor(r.Header["Accept-Encoding"]))
	if f == nil || f.makes && route.browserTTL > 0 {
		return false
	}
	p.records.Used()
	p.tallies.served(at, r.Pattern, !start.IsZero())
	if !deps.IsZero() {
		cache.ScopeOf(r.Context()).Merge(*deps)
	}
	p.noteHit(r, route, at, e, deps, now, age)
	if p.cfg.OnHit != nil {
		p.cfg.OnHit(Hit{Request: r, Status: e.status, Bytes: len(e.body), Age: age, Reason: ReasonHit})
	}
	p.send(w, h, e, f, age, route.strict)
	p.tallies.end(start, true)
	return true
}

// noteHit notes the decision.
func (p *Pages) noteHit(r *http.Request, route *Route, at *place, e *entry, deps *cache.Deps, now time.Time, age time.Duration) {
	d := Decision{Time: now, Reason: ReasonHit, Status: e.status, Age: age, Tier: p.tierOf(ReasonHit, true)}
	if p.cfg.Development {
		d.Details = p.details(r, "", evidence{route: route, url: at.target.url, entry: e, fields: at.forks, deps: *deps})
	}
	p.note(r, &d)
}

// send writes an answer in one of its forms.
func (p *Pages) send(w http.ResponseWriter, h http.Header, e *entry, f *form, age time.Duration, strict bool) {
	for i := range f.lines {
		h[f.lines[i].name] = f.lines[i].values
	}
	if f.makes && !strict {
		h["Cache-Control"] = noCacheValue
	}
	s := p.secondly(e, age)
	h["Age"], h["Cache-Status"] = s.values[0], s.values[1]
	if p.cfg.ServerTiming {
		h["Server-Timing"] = append(slices.Clip(h["Server-Timing"]), s.values[2]...)
	}
	if e.dated || len(h["Date"]) == 0 {
		h["Date"] = s.date
	}
	if e.status != http.StatusOK || len(f.body) == 0 {
		w.WriteHeader(e.status)
	}
	if len(f.body) > 0 {
		_, _ = w.Write(f.body) // the client has gone: nobody is left to tell
	}
}

// special reports a request that asks for more than the page.
func special(h http.Header) bool {
	if len(h) == 0 {
		return false
	}
	return anyPresent(h, overrideHeaders) || anyPresent(h, beyond[:]) || anyPresent(h, conditions[:])
}

var beyond = [...]string{"Range", "Authorization", "Upgrade"}

// steering are what the Strict profile takes from clients.
var steering = [...]string{"Cache-Control", "Pragma"}

// peek returns the entry that a request selects if this process holds it.
func (p *Pages) peek(r *http.Request, at *place) (*entry, *cache.Deps) {
	ctx := r.Context()
	e, deps, ok := p.records.Peek(ctx, at.key)
	if ok && len(at.forks) > 0 {
		if !e.isIndex() || len(e.sets) > 0 || !slices.Equal(e.fields, at.forks) {
			return nil, nil
		}
		leaf := p.places.variant(r, at)
		if leaf == nil {
			return nil, nil
		}
		e, deps, ok = p.records.Peek(ctx, leaf.key)
	}
	if !ok || e.isIndex() || e.live != nil {
		return nil, nil
	}
	if gone, softly := p.outdated(e, at.target.url); gone || softly {
		return nil, nil
	}
	return e, deps
}

// form is an entry ready to be sent: everything that does not change with its age.
type form struct {
	lines []line
	body  []byte
	makes bool // no Cache-Control of the handler's
}

// form returns that of the coding which the client takes, or nil if it has yet to be
// made.
func (e *entry) form(coding string) *form {
	if coding == "" || !e.codable {
		return &e.plain
	}
	if e.coded == nil || e.coded.name[0] != coding {
		return nil
	}
	return &e.coded.form
}

// prepare makes the forms.
func (e *entry) prepare() {
	lines := e.lines
	e.lines = slices.Clip(e.lines)
	if len(e.vary) > 0 {
		lines = append(lines, line{"Vary", e.vary})
	}
	_, set := e.header["Cache-Control"]
	e.plain = form{lines: lines, body: e.body, makes: !set}
	if e.length != nil {
		e.plain.lines = append(lines, line{"Content-Length", e.length})
	}
	lines = slices.Clip(lines)
	if c := e.coded; c != nil {
		coded := slices.DeleteFunc(slices.Clone(lines), func(l line) bool { return l.name == "Etag" })
		c.form = form{body: c.body, makes: !set, lines: append(coded, line{"Etag", c.etag}, line{"Content-Encoding", c.name}, line{"Content-Length", c.length})}
	}
}

// codingOf remembers whether the clients that last came take the stored coding: most
// send one of a few lines.
type codingOf struct {
	line  string
	takes bool
}

// codingFor is the coding that a client takes, "" for none.
func (p *Pages) codingFor(lines []string) string {
	if len(lines) == 0 || p.cfg.Coding == Identity {
		return ""
	}
	last := p.lastCoding.Load()
	if last == nil || len(lines) > 1 || last.line != lines[0] {
		last = &codingOf{line: lines[0], takes: acceptsCoding(lines, p.cfg.Coding)}
		if len(lines) == 1 && len(lines[0]) <= 128 {
			p.lastCoding.Store(last)
		}
	}
	if last.takes {
		return p.cfg.Coding
	}
	return ""
}
