package pagecache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/echoic-go/echoic/cache/live"
)

// liveParts are the holes of an entry (package live): places in its body and in
// header fields that are filled for every visitor. The body has no bytes there.
type liveParts struct {
	holes  []live.Hole
	fields []live.Field
}

// filled is an entry with the values of one visitor.
type filled struct {
	body   []byte
	fields []string
}

// Live registers a hole in Config.Live, as [live.Set.Live] does.
func (p *Pages) Live(name string, kind live.Kind, fn live.Func) error {
	return p.cfg.Live.Live(name, kind, fn)
}

// LiveHTML registers a hole whose function returns HTML.
func (p *Pages) LiveHTML(name string, fn live.HTMLFunc) error {
	return p.cfg.Live.LiveHTML(name, fn)
}

// LiveContexter is a http.ResponseWriter that knows more of the request than its
// context does: the functions of holes get the context that it returns.
type LiveContexter interface {
	LiveContext(ctx context.Context) context.Context
}

// liveContext is the context for the functions of holes of the request's answer.
func (x *exchange) liveContext(ctx context.Context) context.Context {
	ctx = live.WithRequest(ctx, x.r)
	if w, ok := x.w.(LiveContexter); ok {
		ctx = w.LiveContext(ctx)
	}
	return ctx
}

// decode takes an entry whose holes nobody registered for a damaged one: another
// program made it.
func (p *Pages) decode(b []byte) (*entry, error) {
	e, err := decodeEntry(b)
	if err != nil || e.live == nil {
		return e, err
	}
	known := p.cfg.Live.Knows(e.live.holes)
	for _, f := range e.live.fields {
		known = known && p.cfg.Live.Knows(f.Text.Holes)
	}
	if !known {
		return nil, errEntry
	}
	return e, nil
}

// hasHoles reports whether what is kept may have some.
func (x *exchange) hasHoles() bool { return !x.route.strict && !x.p.cfg.Live.Empty() }

// record lets the holes be noted that the handler writes. The Strict profile, which
// sends answers on as they come, keeps none that has some.
func (m *making) record() {
	x := m.x
	switch {
	case x.hasHoles():
		m.ctx, m.live = x.p.cfg.Live.Record(x.liveContext(m.ctx), refreshOf(x.r) != nil)
		m.rec.live = m.live
	case !x.p.cfg.Live.Empty():
		m.ctx, m.values = x.p.cfg.Live.WithValues(x.liveContext(m.ctx))
	}
}

// punch takes the values of holes out of an answer that has some. What is kept
// must be exactly what was written with them in it.
func (m *making) punch(a *answer) Reason {
	if !m.live.Live() {
		return ""
	}
	text, ok := m.live.Text(a.body)
	fields, sound := m.live.Fields(a.header)
	a.live, a.text = &liveParts{holes: text.Holes, fields: fields}, text.Bytes
	if !ok || !sound {
		return ReasonHoles
	}
	return ""
}

// kept is the body without the values of holes.
func (a *answer) kept() []byte {
	if a.live != nil {
		return a.text
	}
	return a.body
}

// hollow takes out of the header of an entry with holes what is made anew for
// each answer, and what nobody must be told: validators.
func (e *entry) hollow(parts *liveParts) {
	e.live = parts
	delete(e.header, "Etag")
	delete(e.header, "Last-Modified")
	for _, f := range parts.fields {
		delete(e.header, f.Name)
	}
}

// fill gets the values of this visitor, before anything is sent.
func (x *exchange) fill(e *entry) error {
	if e.live == nil {
		return nil
	}
	set := x.p.cfg.Live
	ctx, _ := set.WithValues(x.liveContext(x.r.Context()))
	body, err := set.Fill(ctx, nil, live.Text{Bytes: e.body, Holes: e.live.holes})
	if err != nil {
		return err
	}
	f := &filled{body: body, fields: make([]string, len(e.live.fields))}
	for i, field := range e.live.fields {
		value, err := set.Fill(ctx, nil, field.Text)
		if err != nil {
			return err
		}
		f.fields[i] = string(value)
	}
	x.filled = f
	return nil
}

// sendFilled completes the header of an entry with holes, and returns what is to
// be sent of it.
func (x *exchange) sendFilled(h http.Header, e *entry) sendable {
	for i, field := range e.live.fields {
		h[field.Name] = []string{x.filled.fields[i]}
	}
	live.Protect(h)
	s := sendable{status: e.status, body: x.filled.body, live: true}
	if bodyAllowed(e.status) {
		s.length = []string{lengthOf(s.body)}
	}
	return s
}

// errHole is what a request fails with if the values of its holes cannot be had,
// and the handler has been asked in vain already.
var errHole = errors.New("pagecache: the stored page cannot be completed")

// unfilled lets the handler answer, because a value of the stored page's holes
// could not be had.
func (x *exchange) unfilled(cause error) error {
	x.idle = false
	now := x.p.cfg.Now().Unix()
	if last := x.p.holesFailed.Load(); last != now && x.p.holesFailed.CompareAndSwap(last, now) {
		x.p.cfg.Logger.WarnContext(x.r.Context(), "pagecache: a hole could not be filled, the handler answers", "path", x.r.URL.Path, "error", cause)
	}
	if x.note != nil { // it has run
		return fmt.Errorf("%w: %w", errHole, cause)
	}
	x.why = ReasonHoles
	if x.r.Method == http.MethodHead {
		return x.bypass()
	}
	return x.run(nil)
}

// protected is what a handler gets whose answer is not recorded: if it has holes,
// its header says so.
func (x *exchange) protected(r *http.Request) (http.ResponseWriter, *http.Request) {
	if x.p.cfg.Live.Empty() {
		return x.w, r
	}
	ctx, values := x.p.cfg.Live.WithValues(x.liveContext(r.Context()))
	return &protector{statusWriter{ResponseWriter: x.w}, values}, r.WithContext(ctx)
}

// protector keeps answers with holes from being stored by others.
type protector struct {
	statusWriter
	values *live.Values
}

func (w *protector) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK && w.values.Shown() {
		live.Protect(w.Header())
	}
	w.statusWriter.WriteHeader(status)
}

func (w *protector) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.statusWriter.Write(b)
}

func (w *protector) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.statusWriter.FlushError()
}

func (w *protector) Flush() { _ = w.FlushError() }

// size is about the memory of the holes, in bytes.
func (l *liveParts) size() int {
	if l == nil {
		return 0
	}
	size := 64 + live.SizeOf(l.holes)
	for _, f := range l.fields {
		size += 64 + len(f.Name) + len(f.Text.Bytes) + f.Text.Size()
	}
	return size
}

// append writes what reader.live reads.
func (l *liveParts) append(b []byte) []byte {
	if l == nil {
		return b
	}
	b = live.AppendHoles(b, l.holes)
	b = append(b, byte(len(l.fields)))
	for _, f := range l.fields {
		b = appendText(b, f.Name)
		b = appendText(b, string(f.Text.Bytes))
		b = live.AppendHoles(b, f.Text.Holes)
	}
	return b
}

// live reads the holes of an entry; those of the body are checked when that is
// known.
func (r *reader) live() *liveParts {
	l := &liveParts{holes: r.holes()}
	n := r.count(live.MaxFields)
	for range n {
		f := live.Field{Name: r.text(), Text: live.Text{Bytes: []byte(r.text())}}
		f.Text.Holes = r.holes()
		if r.bad || f.Check() != nil {
			r.fail()
			return nil
		}
		l.fields = append(l.fields, f)
	}
	return l
}

func (r *reader) holes() []live.Hole {
	holes, rest, err := live.CutHoles(r.b)
	if err != nil {
		r.fail()
		return nil
	}
	r.b = rest
	return holes
}

// soundHoles reports whether the holes of an entry lie in its body, and nothing
// else claims to be the same answer.
func (e *entry) soundHoles() bool {
	if e.live == nil {
		return true
	}
	_, err := live.NewText(e.body, e.live.holes)
	return err == nil && e.coded == nil && !e.codable && e.etag == "" && e.lmText == "" && !slices.ContainsFunc(e.live.fields, func(f live.Field) bool {
		return len(e.header[f.Name]) > 0 || hopByHop(f.Name)
	})
}
