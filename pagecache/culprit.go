package pagecache

import (
	"cmp"
	"context"
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/echoic-go/echoic/cache"
)

const (
	maxFrames = 64  // of a stack that are looked at
	mostPlace = 240 // bytes of a place
)

// culprit finds out, in development, which code of the application kept a page from
// being stored: the first that made it private, and the first that set a cookie or
// Cache-Control. A nil culprit, as in production, does nothing and costs nothing.
type culprit struct {
	dir string // places under it are shown without it

	mu      sync.Mutex
	private string             // a place: file:line (function)
	fields  map[string]string  // places by header field
	asked   [maxFrames]uintptr // who last asked for the header
	frames  int
}

// accusable are the header fields whose first setting is looked for.
var accusable = [...]string{"Set-Cookie", "Cache-Control"}

// newCulprit is nil in production.
func (p *Pages) newCulprit(before http.Header) *culprit {
	if !p.cfg.Development {
		return nil
	}
	c := &culprit{dir: p.dir, fields: make(map[string]string, len(accusable))}
	for _, name := range accusable {
		if len(before[name]) > 0 {
			c.fields[name] = "" // middleware outside did
		}
	}
	return c
}

// watch, on a culprit that is not nil, looks at the scope, and at every use of the context that makes the source,
// such as a session, count one more read.
func (c *culprit) watch(ctx context.Context, scope *cache.Scope) context.Context {
	scope.Trace(func(string) { c.accuse() })
	source, ok := ctx.Value(cache.SourceKey{}).(cache.Source)
	if !ok {
		return ctx
	}
	return &watched{ctx, source, c}
}

// watched is a context that notices who reads the source through it.
type watched struct {
	context.Context
	source  cache.Source
	culprit *culprit
}

// Value answers as the context does.
func (w *watched) Value(key any) any {
	before := w.source.Reads()
	value := w.Context.Value(key)
	if w.source.Reads() != before {
		w.culprit.accuse()
	}
	return value
}

// accuse notes who is running, if nobody was noted before.
func (c *culprit) accuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.private == "" {
		var stack [maxFrames]uintptr
		c.private = c.placeOf(stack[:runtime.Callers(2, stack[:])])
	}
}

// header notes who asks for the header. What has been set since the last time was
// set by whoever asked then.
func (c *culprit) header(h http.Header) {
	if c == nil {
		return
	}
	c.look(h)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = runtime.Callers(3, c.asked[:])
}

// look sees what is set.
func (c *culprit) look(h http.Header) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range accusable {
		if _, known := c.fields[name]; !known && len(h[name]) > 0 {
			c.fields[name] = c.placeOf(c.asked[:c.frames])
		}
	}
}

// code is the place that explains why an answer was not kept.
func (c *culprit) code(kept Reason) string {
	if c == nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch kept {
	case ReasonPrivateScope:
		return c.private
	case ReasonPrivate: // sessions say so in the header when they were used
		return cmp.Or(c.private, c.fields["Cache-Control"])
	case ReasonSetCookie:
		return c.fields["Set-Cookie"]
	case ReasonNoStore, ReasonNoCache:
		return c.fields["Cache-Control"]
	}
	return ""
}

// placeOf is the innermost code on the stack that belongs to the application.
func (c *culprit) placeOf(stack []uintptr) string {
	if len(stack) == 0 {
		return ""
	}
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !isPlumbing(frame) {
			return c.place(frame)
		}
		if !more {
			return ""
		}
	}
}

func (c *culprit) place(frame runtime.Frame) string {
	file := frame.File
	if under, err := filepath.Rel(c.dir, file); err == nil && filepath.IsAbs(file) && !strings.HasPrefix(under, "..") {
		file = under
	}
	_, function, _ := cutLast(frame.Function, "/")
	text := file + ":" + strconv.Itoa(frame.Line) + " (" + function + ")"
	return strings.ToValidUTF8(text[:min(len(text), mostPlace)], "")
}

// cutLast is strings.Cut at the last separator; without one all is after it.
func cutLast(s, sep string) (before, after string, found bool) {
	if at := strings.LastIndex(s, sep); at >= 0 {
		return s[:at], s[at+len(sep):], true
	}
	return "", s, false
}

// plumbing are the packages, and those below them, that act for the application.
var plumbing = [...]string{
	"bufio", "context", "encoding", "fmt", "html/template", "io", "iter", "maps", "net/http", "reflect", "runtime", "slices", "sync", "text/template",
	"github.com/a-h/templ", "github.com/alexedwards/scs", "github.com/labstack/echo",
}

const (
	ownModule = "github.com/echoic-go/echoic"
	exampleOf = ownModule + "/example-app"
)

// isPlumbing reports code that is not of the application. Tests are.
func isPlumbing(frame runtime.Frame) bool {
	dir, last, found := cutLast(frame.Function, "/")
	name, _, _ := strings.Cut(last, ".")
	if found {
		name = dir + "/" + name
	}
	if name == ownModule || strings.HasPrefix(name, ownModule+"/") {
		return !strings.HasSuffix(frame.File, "_test.go") && !strings.HasPrefix(name, exampleOf)
	}
	for _, p := range plumbing {
		if name == p || strings.HasPrefix(name, p+"/") {
			return true
		}
	}
	return false
}
