package chaos

import (
	"context"
	"errors"
	"io"
	"net/http"
	"syscall"
	"time"
)

// Outcome is what became of one request.
type Outcome int

// The outcomes.
const (
	// OK is an answer as it should be. The oracle has seen it.
	OK Outcome = iota
	// Miss is a plain value that is not there, or a change of one that is not
	// acknowledged. It is always allowed.
	Miss
	// Lost is a session that ought to be there and is not: nobody is logged in.
	Lost
	// Unavailable is a 503.
	Unavailable
	// Failed is any other answer, or none.
	Failed
	// Gone is a request to an app that was killed meanwhile.
	Gone
	outcomes
)

// String returns the outcome's name.
func (o Outcome) String() string {
	return [...]string{"ok", "miss", "lost", "unavailable", "failed", "gone"}[o]
}

// answer is what came back.
type answer struct {
	status int
	body   string
	cookie string // the session's, if it was set
	age    string // the field Age
	// retryAfter is the field Retry-After.
	retryAfter string
	err        error
	begun      time.Time
	took       time.Duration
	life       string // of the app
	gone       bool   // the app was killed meanwhile, or did not run
}

// requestTimeout is how long the load waits. It is longer than anything may
// take, so that what takes too long is measured.
const requestTimeout = 30 * time.Second

// cookieName is that of the site's sessions.
const cookieName = "__Host-session"

// siteHost is the name of the site, whichever app is asked: it is part of the
// keys of pages, which the apps share.
const siteHost = "chaos.test"

// client is what asks the apps. Connections are kept, as browsers do.
var client = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: maxInFlight, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// ask sends one request to app.
func (w *World) ask(app *App, method, path, cookie string) (a answer) {
	l := app.running()
	if l == nil {
		return answer{gone: true}
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, l.url+path, nil)
	if err != nil {
		return answer{err: err}
	}
	r.Host = siteHost
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
	}
	a = answer{begun: time.Now(), life: l.id}
	defer func() {
		a.took = time.Since(a.begun)
		a.gone = a.err != nil && app.running() != l && (!l.drained.Load() || errors.Is(a.err, syscall.ECONNREFUSED))
	}()
	res, err := client.Do(r)
	if err != nil {
		a.err = err
		return a
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	a.status, a.body, a.err = res.StatusCode, string(body), err
	a.age, a.retryAfter = res.Header.Get("Age"), res.Header.Get("Retry-After")
	for _, c := range res.Cookies() {
		if c.Name == cookieName {
			a.cookie = c.Value
		}
	}
	return a
}

// outcome judges the status alone: want is OK.
func (a answer) outcome(want int) Outcome {
	switch {
	case a.gone:
		return Gone
	case a.err != nil:
		return Failed
	case a.status == want:
		return OK
	case a.status == http.StatusServiceUnavailable:
		return Unavailable
	}
	return Failed
}
