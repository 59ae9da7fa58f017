package session

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// statusOf is the status for a session that could not be loaded or saved: 503
// if a later attempt can succeed, else 500.
func statusOf(err error) int {
	var failed *StoreError
	if errors.As(err, &failed) {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// unavailable is the ErrorFunc of scs unless the application sets another.
func unavailable(w http.ResponseWriter, _ *http.Request, err error) {
	status := statusOf(err)
	if status == http.StatusServiceUnavailable {
		refuseHeader(w.Header())
	} else {
		w.Header().Set("Cache-Control", "no-store")
	}
	http.Error(w, http.StatusText(status), status)
}

// refuseHeader completes the header of a 503.
func refuseHeader(h http.Header) {
	h.Set("Cache-Control", "no-store")
	if h.Get("Retry-After") == "" {
		h.Set("Retry-After", "1")
	}
}

// quiet is how long one line stands for all that failed.
const quiet = time.Second

// failureLog keeps an outage from filling the log.
type failureLog struct {
	mu     sync.Mutex
	last   time.Time
	hidden int
}

// logFailure logs what the client is not told, at most once a second.
func (m *Manager) logFailure(err error) {
	if errors.Is(err, errAssumed) {
		return // the page cache learns of it
	}
	now := time.Now()
	m.failures.mu.Lock()
	if now.Sub(m.failures.last) < quiet {
		m.failures.hidden++
		m.failures.mu.Unlock()
		return
	}
	hidden := m.failures.hidden
	m.failures.last, m.failures.hidden = now, 0
	m.failures.mu.Unlock()
	m.cfg.Logger.Error("session: failed", "error", err, "unlogged", hidden)
}
