package echoic

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/console/admin"
	"github.com/echoic-go/echoic/pagecache"
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

// Warm asks the site itself for pages, as [pagecache.Pages.Warm] does, one at a time:
// no request leaves this process, and redirects are not followed.
func (w warmingSource) Warm(ctx context.Context, order admin.WarmOrder, told func(admin.Warmed)) error {
	if len(order.URLs) > mostWarmed {
		return &console.TargetError{Reason: "more than 10000 URLs: give them in parts"}
	}
	for _, address := range order.Sitemaps {
		if problem := w.refusal(address); problem != "" {
			return &console.TargetError{Reason: "the sitemap " + address + ": " + problem}
		}
	}
	right := make([]string, 0, len(order.URLs))
	for _, address := range order.URLs {
		if problem := w.refusal(address); problem != "" {
			told(admin.Warmed{URL: address, Problem: problem})
			continue
		}
		right = append(right, address)
	}
	var one admin.Warmed // what the site answered to the last URL
	_, err := w.Pages.Warm(ctx, pagecache.WarmConfig{
		Server: http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			answer, began := &statusWriter{ResponseWriter: out}, time.Now()
			w.handler.ServeHTTP(answer, r)
			one = admin.Warmed{Status: max(answer.status, http.StatusOK), Cache: out.Header().Get("Cache-Status"), Took: time.Since(began)}
		}),
		URLs: right, Sitemaps: order.Sitemaps, Top: order.Top, PerSecond: order.PerSecond, Concurrency: 1, Timeout: warmTimeout,
		Progress: func(p pagecache.WarmProgress) {
			if one.URL, one.Total = p.URL, p.Total; one.Status == 0 {
				one.Problem = "the handler panicked: the log says how"
			}
			told(one)
			one = admin.Warmed{}
		},
	})
	return err
}

// refusal says why a page is not asked for.
func (w warmingSource) refusal(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https":
		return "give scheme, host and path, as in http://example.org/path"
	case len(w.Config.AllowedHosts) > 0 && !slices.ContainsFunc(w.Config.AllowedHosts, func(h string) bool { return strings.EqualFold(h, u.Host) }):
		return "its host is not in ALLOWED_HOSTS"
	}
	return ""
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// Unwrap is for [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}
