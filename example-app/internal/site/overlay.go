package site

import (
	"bytes"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/templates"
)

// overlay adds to every page that a browser shows, in development, a box that says
// what the page cache did with the request, and why. It stands outside of all caches:
// what they keep has no box in it.
type overlay struct {
	template *template.Template
	log      *slog.Logger
}

func newOverlay(files *assets, log *slog.Logger) (*overlay, error) {
	t, err := template.New("overlay.html").Funcs(template.FuncMap{"asset": files.address}).ParseFS(templates.App, "app/overlay.html")
	if err != nil {
		return nil, fmt.Errorf("site: overlay: %w", err)
	}
	return &overlay{template: t, log: log}, nil
}

// wants reports whether somebody is about to look at the answer. Programs, pictures,
// scripts and the console's pages get theirs as it is.
func (o *overlay) wants(r *http.Request) bool {
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
		return false
	}
	path := r.URL.Path
	return r.Method != http.MethodHead && strings.Contains(r.Header.Get("Accept"), "text/html") &&
		path != consolePath && !strings.HasPrefix(path, consolePath+"/")
}

// serve lets next answer, and adds the box.
func (o *overlay) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if !o.wants(r) {
		next.ServeHTTP(w, r)
		return
	}
	seen := &decisions{}
	asked := r.Clone(pagecache.Watch(r.Context(), seen.add))
	// The box is about this request: a browser that shows its own copy would show
	// an old one. It is put into text that is neither coded nor a part.
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range", "Accept-Encoding"} {
		asked.Header.Del(name)
	}
	out := &overlaid{ResponseWriter: w}
	next.ServeHTTP(out, asked)
	if !out.held {
		return
	}
	box, err := o.render(r, seen.last())
	if err != nil {
		o.log.ErrorContext(r.Context(), "site: the overlay failed", "path", r.URL.Path, "error", err)
	}
	out.finish(box)
}

// decisions are those about one request. The cache may tell of them from another
// goroutine than the one that waits for the answer.
type decisions struct {
	mu   sync.Mutex
	list []pagecache.Decision
}

func (d *decisions) add(one pagecache.Decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, one)
}

// last is the latest, or the zero Decision.
func (d *decisions) last() (one pagecache.Decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.list) > 0 {
		one = d.list[len(d.list)-1]
	}
	return one
}

// overlayView is what the box shows. Without Reason no cache was asked.
type overlayView struct {
	pagecache.Details
	Reason, Means, Kept, KeptMeans string
	Tone                           string // hit, miss, kept, refused, or pass
	Tier, Route, Explain           string
	Age                            time.Duration
	Status                         int
}

func (o *overlay) render(r *http.Request, d pagecache.Decision) ([]byte, error) {
	address := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	v := overlayView{
		Reason: string(d.Reason), Means: console.Meaning(string(d.Reason)), Kept: string(d.Kept), KeptMeans: console.Meaning(string(d.Kept)),
		Tone: toneOf(d), Tier: d.Tier, Route: d.Route, Age: d.Age.Round(time.Millisecond), Status: d.Status,
		Explain: consolePath + "/explain?url=" + url.QueryEscape(address.String()),
	}
	if r.TLS != nil {
		v.Explain = strings.Replace(v.Explain, "url=http", "url=https", 1)
	}
	if d.Details != nil {
		v.Details = *d.Details
	}
	var b bytes.Buffer
	err := o.template.Execute(&b, v)
	return b.Bytes(), err
}

func toneOf(d pagecache.Decision) string {
	switch {
	case d.Reason == "":
		return "pass"
	case d.Tier != "handler":
		return "hit"
	case d.Kept == pagecache.ReasonStored:
		return "kept"
	case d.Kept != "":
		return "refused"
	}
	return "miss"
}

// overlaid holds an HTML page back until it is whole; everything else passes.
type overlaid struct {
	http.ResponseWriter
	status int
	held   bool
	page   bytes.Buffer
}

func (w *overlaid) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if status < http.StatusOK {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
	h := w.Header()
	if w.held = strings.HasPrefix(h.Get("Content-Type"), "text/html") && h.Get("Content-Encoding") == "" && mayHaveBody(status); !w.held {
		w.ResponseWriter.WriteHeader(status)
	}
}

func mayHaveBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

func (w *overlaid) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.held {
		return w.page.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

// FlushError is for [http.ResponseController]: what is held cannot be flushed.
func (w *overlaid) FlushError() error {
	if w.held {
		return nil
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush is for Echo, which asks for an http.Flusher.
func (w *overlaid) Flush() { _ = w.FlushError() }

// Unwrap is for everything else that a writer can do.
func (w *overlaid) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// finish sends the page with the box before its end. What was said about the page
// without it, its length and validators, is not true of this.
func (w *overlaid) finish(box []byte) {
	h, page := w.Header(), w.page.Bytes()
	at := bytes.LastIndex(page, []byte("</body>"))
	if at < 0 || len(box) == 0 {
		at, box = len(page), nil
	} else {
		h.Del("ETag")
		h.Del("Last-Modified")
		if h.Get("Content-Length") != "" {
			h.Set("Content-Length", strconv.Itoa(len(page)+len(box)))
		}
	}
	w.ResponseWriter.WriteHeader(w.status)
	for _, part := range [][]byte{page[:at], box, page[at:]} {
		if _, err := w.ResponseWriter.Write(part); err != nil {
			return // the client has gone
		}
	}
}
