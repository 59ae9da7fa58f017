package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	// mostLives bounds the live connections; who comes beyond has to reload.
	mostLives = 32
	// longestLive ends a connection: the browser connects again, and is asked
	// anew whether it may.
	longestLive = 5 * time.Minute
	// liveWrite bounds one write to a browser.
	liveWrite = 10 * time.Second
)

// live sends what changes on the overview, as server-sent events: of each event the
// data are a JSON object with the HTML of the page's live parts by their names.
func (c *Console) live(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodHead {
		return &statusError{http.StatusNotFound, "There is nothing here without a body."}
	}
	select {
	case c.lives <- struct{}{}:
		defer func() { <-c.lives }()
	default:
		w.Header().Set("Retry-After", "30")
		return &statusError{http.StatusServiceUnavailable, "Too many pages are open: reload this one by hand."}
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // of nginx
	out := http.NewResponseController(w)
	w.WriteHeader(http.StatusOK)
	if _, err := fmt.Fprintf(w, "retry: %d\n\n", 2*c.cfg.Interval/time.Millisecond); err != nil {
		return nil // it has gone
	}
	over := time.NewTimer(longestLive)
	defer over.Stop()
	for {
		next := c.next()
		if err := c.push(w, out, r); err != nil {
			return nil // it has gone
		}
		select {
		case <-next:
		case <-over.C:
			return nil
		case <-r.Context().Done():
			return nil
		case <-c.life.Done():
			return nil
		}
	}
}

// push sends one event.
func (c *Console) push(w http.ResponseWriter, out *http.ResponseController, r *http.Request) error {
	v, err := c.overviewView(r)
	if err != nil {
		return err
	}
	parts := map[string]string{}
	for _, name := range liveParts {
		var b bytes.Buffer
		if err := c.pages["overview.html"].ExecuteTemplate(&b, name, v); err != nil {
			return err
		}
		parts[name] = string(visible(b.Bytes()))
	}
	data, err := json.Marshal(parts)
	if err != nil {
		return err
	}
	_ = out.SetWriteDeadline(time.Now().Add(liveWrite)) // where the writer can
	if _, err := fmt.Fprintf(w, "event: overview\ndata: %s\n\n", data); err != nil {
		return err
	}
	return out.Flush()
}

// liveParts are the templates that live updates replace.
var liveParts = []string{"live-clock", "live-problems", "live-tiles", "live-charts", "live-stores", "live-invalidation"}
