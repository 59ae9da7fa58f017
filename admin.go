package echoic

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/console/admin"
)

// ServeAdmin lets the command line ask this process, at Config.AdminSocket; without
// that it does nothing. handler is the whole site, for filling the cache; nil: that
// cannot be done. Close ends it.
func (a *App) ServeAdmin(ctx context.Context, handler http.Handler) error {
	if a.Config.AdminSocket == "" {
		return nil
	}
	var source console.Source = adminSource{a}
	if handler != nil {
		source = warmingSource{adminSource{a}, handler}
	}
	server, err := admin.Listen(ctx, admin.Config{Source: source, Address: a.Config.AdminSocket, Token: a.Config.AdminToken, Logger: a.Logger})
	if err != nil {
		return err
	}
	a.owned.add(server)
	a.Logger.InfoContext(ctx, "echoic: the command line may ask", "address", server.Addr())
	return nil
}

// adminSource is all that an App can tell operators.
type adminSource struct{ *App }

// UserSessions lists the sessions of a user that were begun by a login.
func (a *App) UserSessions(ctx context.Context, user string) ([]console.UserSession, error) {
	list, err := a.Sessions.UserSessions(ctx, user)
	all := make([]console.UserSession, 0, len(list))
	for _, s := range list {
		all = append(all, console.UserSession{
			ID: s.ID, Current: s.Current, Created: s.Created, LastSeen: s.LastSeen, Expires: s.Expires, UserAgent: s.UserAgent, Address: s.Address,
		})
	}
	return all, err
}

// RevokeSessions ends the sessions of a user with the IDs, or without IDs all.
func (a *App) RevokeSessions(ctx context.Context, user string, ids ...string) (int, error) {
	if user == "" {
		return 0, &console.TargetError{Reason: "the user is empty: name whose sessions are to end"}
	}
	return a.Sessions.Revoke(ctx, user, ids...)
}

// warmingSource can fill the cache, too.
type warmingSource struct {
	adminSource
	handler http.Handler
}

const (
	// mostWarmed bounds the URLs of one call.
	mostWarmed  = 10_000
	warmTimeout = 30 * time.Second
)

// Warm asks the site itself for pages, in this process, as a visitor without a
// cookie would: no request leaves it, and redirects are not followed.
func (w warmingSource) Warm(ctx context.Context, urls []string, told func(admin.Warmed)) error {
	if len(urls) > mostWarmed {
		return &console.TargetError{Reason: "more than 10000 URLs: give them in parts"}
	}
	for _, address := range urls {
		if err := ctx.Err(); err != nil {
			return err
		}
		told(w.one(ctx, address))
	}
	return nil
}

func (w warmingSource) one(ctx context.Context, address string) (one admin.Warmed) {
	one.URL = address
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https":
		one.Problem = "give scheme, host and path, as in http://example.org/path"
		return one
	case len(w.Config.AllowedHosts) > 0 && !slices.ContainsFunc(w.Config.AllowedHosts, func(h string) bool { return strings.EqualFold(h, u.Host) }):
		one.Problem = "its host is not in ALLOWED_HOSTS"
		return one
	}
	ctx, cancel := context.WithTimeout(ctx, warmTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			one.Problem = "the handler panicked"
		}
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		one.Problem = err.Error()
		return one
	}
	r.URL = &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery} // as a server gets it
	r.RequestURI, r.RemoteAddr = u.RequestURI(), "127.0.0.1:0"
	if u.Scheme == "https" {
		r.TLS = &tls.ConnectionState{}
	}
	answer := &warmWriter{header: http.Header{}}
	began := time.Now()
	w.handler.ServeHTTP(answer, r)
	one.Took, one.Status, one.Cache = time.Since(began), max(answer.status, http.StatusOK), answer.header.Get("Cache-Status")
	return one
}

// warmWriter forgets the body.
type warmWriter struct {
	header http.Header
	status int
}

func (w *warmWriter) Header() http.Header { return w.header }

func (w *warmWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
}

func (w *warmWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(b), nil
}

// Flush is for handlers that cannot do without.
func (w *warmWriter) Flush() { w.WriteHeader(http.StatusOK) }
