package console

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Console is the page. It is safe for concurrent use; make one with [New] and close
// it when the server has been shut down.
type Console struct {
	cfg      Config
	pages    map[string]*template.Template
	files    *files
	history  *history
	audit    *audit
	mux      *http.ServeMux
	patterns []string // the patterns of mux, without Path

	life   context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup
	lives  chan struct{} // holds one element for each live connection
	mu     sync.Mutex
	ticked chan struct{} // closed when the next sample is there
}

// New makes a console and begins to take samples for its charts, for which no store
// is asked while nobody looks if the source is a [Counter]. It refuses to
// without an authoriser.
func New(cfg Config) (*Console, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Console{
		cfg: cfg, history: newHistory(int(cfg.History / cfg.Interval)), audit: newAudit(),
		lives: make(chan struct{}, mostLives), ticked: make(chan struct{}),
	}
	if c.files, err = loadFiles(cfg.Path); err != nil {
		return nil, err
	}
	if c.pages, err = parsePages(c); err != nil {
		return nil, fmt.Errorf("console: templates: %w", err)
	}
	c.lay()
	c.life, c.cancel = context.WithCancel(context.Background())
	c.work.Go(c.sample)
	return c, nil
}

// Close ends live connections and stops taking samples, for which it waits. It is
// idempotent.
func (c *Console) Close() error {
	c.cancel()
	c.work.Wait()
	return nil
}

// Path is where the console is mounted.
func (c *Console) Path() string { return c.cfg.Path }

// lay puts the handlers in their places.
func (c *Console) lay() {
	c.mux = http.NewServeMux()
	at := func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		method, path, _ := strings.Cut(pattern, " ")
		c.patterns = append(c.patterns, pattern)
		c.mux.HandleFunc(method+" "+c.cfg.Path+path, func(w http.ResponseWriter, r *http.Request) { c.answer(w, r, h) })
	}
	at("GET /{$}", func(w http.ResponseWriter, r *http.Request) error {
		http.Redirect(w, r, c.cfg.Path, http.StatusMovedPermanently)
		return nil
	})
	at("GET ", c.overview)
	at("GET /routes", c.routes)
	at("GET /keys", c.keys)
	at("GET /entry", c.entry)
	at("GET /tags", c.tags)
	at("GET /purges", c.purges)
	at("POST /preview", c.preview)
	at("POST /purge", c.purge)
	at("GET /sessions", c.sessions)
	at("POST /sessions/revoke", c.revoke)
	at("GET /explain", c.explain)
	at("GET /live", c.live)
	at("GET /static/{name}", c.files.serve)
}

// policy lets nothing in but what the console itself serves.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP answers all paths below Config.Path. Its checks come before everything
// else: host, operator, and for what changes something where the request comes from.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	if !c.knows(r.Host) {
		http.Error(w, "This name is not one of the console's.", http.StatusMisdirectedRequest)
		return
	}
	operator, err := c.cfg.Authorize(r)
	switch {
	case errors.Is(err, ErrUnauthenticated):
		http.Error(w, "Sign in first.", http.StatusUnauthorized)
		return
	case err != nil:
		http.Error(w, "You may not see this.", http.StatusForbidden)
		return
	}
	if err := sameOrigin.Check(r); err != nil {
		http.Error(w, "The request came from another site.", http.StatusForbidden)
		return
	}
	c.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), operatorKey{}, operator)))
}

// sameOrigin asks Sec-Fetch-Site, or Origin, of what is no GET.
var sameOrigin = http.NewCrossOriginProtection()

type operatorKey struct{}

func operatorOf(r *http.Request) string {
	operator, _ := r.Context().Value(operatorKey{}).(string)
	return operator
}

// knows reports whether host, with a port or without, is one of Config.Hosts.
func (c *Console) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	return slices.ContainsFunc(c.cfg.Hosts, func(known string) bool { return strings.EqualFold(known, host) })
}

// mostForm bounds what a form may send, in bytes.
const mostForm = 64 << 10

// answer runs a handler and shows what went wrong.
func (c *Console) answer(w http.ResponseWriter, r *http.Request, h func(http.ResponseWriter, *http.Request) error) {
	r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	err := h(w, r)
	if err == nil {
		return
	}
	var wrong *statusError
	var target *TargetError
	code, text := http.StatusInternalServerError, "What was asked for failed: the log says why."
	switch {
	case errors.As(err, &wrong):
		code, text = wrong.code, wrong.text
	case errors.As(err, &target):
		code, text = http.StatusUnprocessableEntity, target.Reason
	case errors.Is(err, context.Canceled):
		return
	case unavailable(err):
		code, text = http.StatusServiceUnavailable, unavailableText
		w.Header().Set("Retry-After", retryAfter)
		c.cfg.Logger.WarnContext(r.Context(), "console: unavailable", "path", r.URL.Path, "operator", operatorOf(r), "error", err)
	default:
		c.cfg.Logger.ErrorContext(r.Context(), "console: request failed", "path", r.URL.Path, "operator", operatorOf(r), "error", err)
	}
	if err := c.render(w, r, code, "error.html", problemView{Code: code, Text: text}); err != nil {
		c.cfg.Logger.ErrorContext(r.Context(), "console: error page failed", "error", err)
	}
}

// statusError is an answer that is no page.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return e.text }

// sample takes numbers every Interval.
func (c *Console) sample() {
	ticker := time.NewTicker(c.cfg.Interval)
	defer ticker.Stop()
	for {
		c.take()
		select {
		case <-c.life.Done():
			return
		case <-ticker.C:
		}
	}
}

func (c *Console) take() {
	// Stores are asked only while somebody looks: it costs them something, on every
	// server on which a console is mounted.
	if counter, ok := c.cfg.Source.(Counter); ok && len(c.lives) == 0 {
		c.history.add(counter.Counters())
		return
	}
	ctx, cancel := context.WithTimeout(c.life, max(c.cfg.Interval, time.Second))
	defer cancel()
	o, err := c.cfg.Source.Overview(ctx)
	if err != nil {
		if c.life.Err() == nil {
			c.cfg.Logger.Warn("console: no overview", "error", err)
		}
		return
	}
	c.history.add(o)
	c.history.show(o)
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.ticked)
	c.ticked = make(chan struct{})
}

// next is closed when the next sample is there.
func (c *Console) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ticked
}
