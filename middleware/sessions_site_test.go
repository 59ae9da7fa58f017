package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/memory"
)

// flakyStore counts its calls and fails when it is told to.
type flakyStore struct {
	session.Store
	fetches, writes        atomic.Int64
	failFetch, failWriting atomic.Bool
}

var errAway = errors.New("the store is away")

func (f *flakyStore) Fetch(ctx context.Context, key string) (session.Record, bool, error) {
	f.fetches.Add(1)
	if f.failFetch.Load() {
		return session.Record{}, false, errAway
	}
	return f.Store.Fetch(ctx, key)
}

func (f *flakyStore) write(call func() (bool, error)) (bool, error) {
	f.writes.Add(1)
	if f.failWriting.Load() {
		return false, errAway
	}
	return call()
}

func (f *flakyStore) Insert(ctx context.Context, key string, rec session.Record) (bool, error) {
	return f.write(func() (bool, error) { return f.Store.Insert(ctx, key, rec) })
}

func (f *flakyStore) Update(ctx context.Context, key string, rec session.Record) (bool, error) {
	return f.write(func() (bool, error) { return f.Store.Update(ctx, key, rec) })
}

func (f *flakyStore) Remove(ctx context.Context, key string) (bool, error) {
	return f.write(func() (bool, error) { return f.Store.Remove(ctx, key) })
}

// logBuffer is a log that can be written and read at once.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// site is a server with sessions, and a route for each way to answer.
type site struct {
	*httptest.Server
	m     *session.Manager
	store *flakyStore
	log   *logBuffer // of the sessions, of Echo and of net/http
}

func newSessions(t testing.TB, cfg session.Config) (*session.Manager, *flakyStore) {
	t.Helper()
	rows := memory.New(memory.Config{CleanUp: -1})
	t.Cleanup(func() { _ = rows.Close() })
	store := &flakyStore{Store: rows}
	cfg.Store, cfg.StoreBudget = store, time.Minute // the clock decides nothing here
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m, store
}

func newSite(t *testing.T, chain func(sessions echo.MiddlewareFunc) []echo.MiddlewareFunc) *site {
	t.Helper()
	s := &site{log: new(logBuffer)}
	s.m, s.store = newSessions(t, session.Config{Logger: slog.New(slog.NewTextHandler(s.log, nil))})
	e := newEcho()
	e.Logger.SetOutput(s.log)
	e.Use(chain(middleware.Sessions(s.m))...)
	s.routes(e)
	s.Server = httptest.NewUnstartedServer(e)
	s.Config.ErrorLog = log.New(s.log, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *site) routes(e *echo.Echo) {
	m := s.m
	put := func(c echo.Context) {
		c.Response().Header().Set("X-Private", "of the user")
		m.Put(c.Request().Context(), "k", "v")
	}
	route := func(path string, h echo.HandlerFunc) { e.Match([]string{"GET", "HEAD", "POST"}, path, h) }
	route("/none", func(c echo.Context) error { return c.String(200, "ok") })
	route("/read", func(c echo.Context) error {
		c.Response().Header().Set("X-Private", "of the user")
		return c.String(200, "user="+m.GetString(c.Request().Context(), "k"))
	})
	route("/put", func(c echo.Context) error { put(c); return c.String(200, "ok") })
	route("/put-long", func(c echo.Context) error { put(c); return c.String(200, long) })
	route("/put-nobody", func(c echo.Context) error { put(c); return nil })
	route("/put-error", func(c echo.Context) error { put(c); return echo.NewHTTPError(422, "bad") })
	route("/put-panic", func(c echo.Context) error { put(c); panic("boom") })
	route("/put-redirect", func(c echo.Context) error { put(c); return c.Redirect(303, "/none") })
	route("/put-204", func(c echo.Context) error { put(c); return c.NoContent(204) })
	route("/put-flush", func(c echo.Context) error {
		put(c)
		c.Response().Flush()
		return write(c, "data")
	})
	route("/put-flush-rc", func(c echo.Context) error {
		put(c)
		if err := http.NewResponseController(c.Response()).Flush(); err != nil {
			return err
		}
		return write(c, "data")
	})
	route("/put-stream", func(c echo.Context) error {
		put(c)
		for range 3 {
			if err := write(c, "tick "); err != nil {
				return err
			}
			c.Response().Flush()
		}
		return nil
	})
	route("/put-after", func(c echo.Context) error {
		m.GetString(c.Request().Context(), "k")
		if err := c.String(200, "ok"); err != nil {
			return err
		}
		c.Response().Flush()
		put(c)
		return nil
	})
	route("/put-103", func(c echo.Context) error {
		c.Response().Header().Set("Link", "</style.css>; rel=preload")
		c.Response().Writer.WriteHeader(103)
		put(c)
		return c.String(200, "ok")
	})
	route("/put-hijack", func(c echo.Context) error {
		put(c)
		conn, rw, err := http.NewResponseController(c.Response()).Hijack()
		if err != nil {
			return err
		}
		_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nX-Hijacked: 1\r\n\r\nhi")
		_ = rw.Flush()
		return conn.Close()
	})
	route("/renew-error", func(c echo.Context) error {
		put(c)
		if err := m.RenewToken(c.Request().Context()); err != nil {
			return err
		}
		return errors.New("x")
	})
	route("/destroy", func(c echo.Context) error {
		if err := m.Destroy(c.Request().Context()); err != nil {
			return err
		}
		return c.NoContent(204)
	})
	page := template.Must(template.New("").Funcs(template.FuncMap{"user": func() string { return "" }}).Parse(`<p>{{user}}</p>`))
	route("/template", func(c echo.Context) error {
		var b bytes.Buffer
		set := template.Must(page.Clone()).Funcs(template.FuncMap{"user": func() string { return m.GetString(c.Request().Context(), "k") }})
		if err := set.Execute(&b, nil); err != nil {
			return err
		}
		return c.HTMLBlob(200, b.Bytes())
	})
	route("/tolerant", func(c echo.Context) error {
		if err := m.Preload(c.Request().Context()); err != nil {
			return c.String(200, "anonymous")
		}
		return c.String(200, "user="+m.GetString(c.Request().Context(), "k"))
	})
	route("/gone", func(c echo.Context) error {
		ctx := c.Request().Context()
		token := m.Token(ctx)
		if _, err := s.store.Remove(ctx, token); err != nil { // another server logs out
			return err
		}
		return m.RenewToken(ctx)
	})
}

func write(c echo.Context, text string) error {
	_, err := c.Response().Write([]byte(text))
	return err
}

// orders are those in which the usual middlewares stand around Sessions.
var orders = map[string]func(s echo.MiddlewareFunc) []echo.MiddlewareFunc{
	"Recover Sessions":        func(s echo.MiddlewareFunc) []echo.MiddlewareFunc { return chain(echomw.Recover(), s) },
	"Sessions Recover":        func(s echo.MiddlewareFunc) []echo.MiddlewareFunc { return chain(s, echomw.Recover()) },
	"Recover Sessions Gzip":   func(s echo.MiddlewareFunc) []echo.MiddlewareFunc { return chain(echomw.Recover(), s, echomw.Gzip()) },
	"Recover Gzip Sessions":   func(s echo.MiddlewareFunc) []echo.MiddlewareFunc { return chain(echomw.Recover(), echomw.Gzip(), s) },
	"Gzip Sessions Recover":   func(s echo.MiddlewareFunc) []echo.MiddlewareFunc { return chain(echomw.Gzip(), s, echomw.Recover()) },
	"Sessions Gzip Recover":   func(s echo.MiddlewareFunc) []echo.MiddlewareFunc { return chain(s, echomw.Gzip(), echomw.Recover()) },
	"Sessions twice, Recover": func(s echo.MiddlewareFunc) []echo.MiddlewareFunc { return chain(echomw.Recover(), s, s) },
	"Recover RequestID Secure": func(s echo.MiddlewareFunc) []echo.MiddlewareFunc {
		return chain(echomw.Recover(), echomw.RequestID(), echomw.Secure(), s)
	},
}

func chain(m ...echo.MiddlewareFunc) []echo.MiddlewareFunc { return m }

// reply is what the client got.
type reply struct {
	*http.Response
	body  string
	early []int // 1xx
}

// ask sends a request with the session of token, which may be empty.
func (s *site) ask(t *testing.T, method, path, token string) reply {
	t.Helper()
	var early []int
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { early = append(early, code); return nil },
	})
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.AddCookie(&http.Cookie{Name: "session", Value: token})
	}
	client := &http.Client{
		Transport:     s.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: body: %v", method, path, err)
	}
	return reply{resp, string(body), early}
}

// token makes a session and returns its token.
func (s *site) token(t *testing.T) string {
	t.Helper()
	cookies := s.ask(t, "GET", "/put", "").Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	return cookies[0].Value
}

var unknownToken = strings.Repeat("u", 43)
