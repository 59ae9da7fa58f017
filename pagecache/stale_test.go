package pagecache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

// numbered answers with its own number.
func numbered(header ...string) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		_, _ = fmt.Fprint(w, n.Add(1))
	}
}

// until asks until ok, which another goroutine brings about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// RFC 5861, section 3.
func TestStaleWhileRevalidate(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]pagecache.Option{"said": nil, "route": {pagecache.StaleWhileRevalidate(time.Minute)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := numbered()
			if name == "said" {
				handler = numbered("Cache-Control", "max-age=60, stale-while-revalidate=60")
			}
			s := newSite(t, handler, nil, opts...)
			s.get("http://a.test/")
			s.clock.Store(int64(90 * time.Second))
			r := s.get("http://a.test/")
			if body(t, r) != "1" || r.Header.Get("Age") != "90" || !strings.Contains(r.Header.Get("Cache-Status"), "ttl=-30") {
				t.Fatalf("not the stale one: %v", r.Header)
			}
			until(t, "refreshed", func() bool { return body(t, s.get("http://a.test/")) == "2" })
			s.wantRuns(2)
			s.clock.Store(int64(10 * time.Minute))
			if r := s.get("http://a.test/"); body(t, r) != "3" {
				t.Fatalf("beyond the window: %v", r.Header)
			}
		})
	}
}

// The request of a refresh has nothing of the visitor on it, and many visitors
// cause one.
func TestRefreshIsNobodys(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var refreshes atomic.Int64
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("n") == "" {
			t.Error("the query was lost")
		}
		if r.Header.Get("X-First") == "" {
			refreshes.Add(1)
			for _, name := range []string{"Cookie", "Authorization", "Range", "If-None-Match", "Cache-Control"} {
				if r.Header.Get(name) != "" {
					t.Errorf("%s: %s", name, r.Header.Get(name))
				}
			}
			if src := r.Context().Value(cache.SourceKey{}); src != nil {
				t.Error("the visitor's session is there")
			}
			<-release
		}
		w.Header().Set("Cache-Control", "public, max-age=60, stale-while-revalidate=60")
		page("x")(w, r)
	}, nil)
	s.get("http://a.test/?n=1", "X-First", "1")
	s.clock.Store(int64(90 * time.Second))
	for range 20 {
		r := httptest.NewRequest("GET", "http://a.test/?n=1", nil)
		r.Header = http.Header{"Cookie": {"id=7"}, "Authorization": {"Basic x"}, "If-None-Match": {`"x"`}, "Range": {"bytes=0-0"}, "Cache-Control": {"no-cache"}}
		ctx := r.Context()
		w := httptest.NewRecorder()
		s.h.ServeHTTP(w, r.WithContext(ctx))
		if !isHit(t, w.Result()) {
			t.Fatal("not served stale")
		}
	}
	close(release)
	until(t, "refreshed", func() bool { return s.get("http://a.test/?n=1").Header.Get("Age") == "0" })
	if n := refreshes.Load(); n != 1 {
		t.Fatalf("%d refreshes", n)
	}
}

// A refresh that fails is not tried again for every visitor, and does not take
// the stale page away.
func TestRefreshFails(t *testing.T) {
	t.Parallel()
	var fail atomic.Bool
	var runs atomic.Int64
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		runs.Add(1)
		if fail.Load() {
			panic("broken")
		}
		w.Header().Set("Cache-Control", "max-age=60, stale-while-revalidate=600")
		page("x")(w, r)
	}, nil)
	s.get("http://a.test/")
	fail.Store(true)
	s.clock.Store(int64(90 * time.Second))
	s.get("http://a.test/")
	until(t, "tried", func() bool { return runs.Load() == 2 })
	until(t, "back to stale", func() bool { r := s.get("http://a.test/"); return r.StatusCode == 200 && body(t, r) == "x" })
	fail.Store(false)
	s.clock.Store(int64(2 * time.Minute))
	until(t, "refreshed", func() bool { return s.get("http://a.test/").Header.Get("Age") == "0" })
}

func TestNoRefreshAfterClose(t *testing.T) {
	t.Parallel()
	s := newSite(t, numbered("Cache-Control", "max-age=60, stale-while-revalidate=60"), nil)
	s.get("http://a.test/")
	for range 2 {
		if err := s.pages.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s.clock.Store(int64(90 * time.Second))
	if got := body(t, s.get("http://a.test/")); got != "1" && got != "2" {
		t.Fatalf("got %q", got)
	}
}

// RFC 5861, section 4: for errors, panics, 5xx and what says nothing.
func TestStaleIfError(t *testing.T) {
	t.Parallel()
	failures := map[string]struct {
		next  pagecache.Next
		stale bool
	}{
		"error":             {func(http.ResponseWriter, *http.Request) error { return errors.New("x") }, true},
		"error that is 404": {func(http.ResponseWriter, *http.Request) error { return statusError(404) }, false},
		"error that is 503": {func(http.ResponseWriter, *http.Request) error { return statusError(503) }, true},
		"disconnected":      {func(http.ResponseWriter, *http.Request) error { return fmt.Errorf("%w: x", pagecache.ErrDisconnected) }, true},
		"nothing":           {func(http.ResponseWriter, *http.Request) error { return nil }, true},
		"panic":             {func(http.ResponseWriter, *http.Request) error { panic("x") }, true},
		"abort":             {func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) }, true},
		"panic with a half": {func(w http.ResponseWriter, _ *http.Request) error { _, _ = io.WriteString(w, "half"); panic("x") }, true},
		"500":               {answering(500), true},
		"502":               {answering(502), true},
		"503":               {answering(503), true},
		"504":               {answering(504), true},
		"404":               {answering(404), false},
		"429":               {answering(429), false},
		"501":               {answering(501), false},
		"streamed 500": {func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(500)
			w.(http.Flusher).Flush()
			return nil
		}, false},
	}
	for name, tt := range failures {
		for _, forbidden := range []string{"", ", must-revalidate", ", proxy-revalidate"} {
			t.Run(name+forbidden, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, page("unused"), func(c *pagecache.Config) { c.Logger = slog.New(slog.DiscardHandler) })
				route := s.pages.Route(0)
				ask := func(next pagecache.Next) (res *http.Response, err error) {
					w := httptest.NewRecorder()
					defer func() {
						if p := recover(); p != nil {
							err = fmt.Errorf("panic: %v", p)
						}
						res = w.Result()
					}()
					err = s.pages.Serve(w, httptest.NewRequest("GET", "http://a.test/", nil), route, next)
					return
				}
				good := func(w http.ResponseWriter, _ *http.Request) error {
					w.Header().Set("Cache-Control", "max-age=60, stale-if-error=60"+forbidden)
					_, err := io.WriteString(w, "good")
					return err
				}
				_, _ = ask(good)
				s.clock.Store(int64(90 * time.Second))
				res, err := ask(tt.next)
				if want := tt.stale && forbidden == ""; (err == nil && res.StatusCode == 200 && body(t, res) == "good" && res.Header.Get("Age") == "90") != want {
					t.Fatalf("stale is not %v: %d %v %v", want, res.StatusCode, res.Header, err)
				}
				s.clock.Store(int64(130 * time.Second))
				if res, err := ask(tt.next); err == nil && res.Header.Get("Age") != "" {
					t.Fatalf("stale beyond the window: %d %v", res.StatusCode, res.Header)
				}
			})
		}
	}
}

type statusError int

func (e statusError) Error() string   { return http.StatusText(int(e)) }
func (e statusError) StatusCode() int { return int(e) }

func answering(status int) pagecache.Next {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(status)
		_, err := io.WriteString(w, "bad")
		return err
	}
}

// HEAD of a stale page that the handler fails to answer is the stale page's.
func TestStaleIfErrorOnHead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		next  pagecache.Next
		stale bool
	}{
		"error":             {func(http.ResponseWriter, *http.Request) error { return errors.New("x") }, true},
		"error that is 404": {func(http.ResponseWriter, *http.Request) error { return statusError(404) }, false},
		"disconnected":      {func(http.ResponseWriter, *http.Request) error { return fmt.Errorf("%w: x", pagecache.ErrDisconnected) }, true},
		"panic":             {func(http.ResponseWriter, *http.Request) error { panic("x") }, true},
		"503":               {answering(503), true},
		"404":               {answering(404), false},
		"200":               {answering(200), false},
		"200 by nothing":    {func(http.ResponseWriter, *http.Request) error { return nil }, false},
	} {
		for _, strict := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", strict: ", strict), func(t *testing.T) {
				t.Parallel()
				s := newSite(t, page("unused"), func(c *pagecache.Config) { c.Logger, c.Strict = slog.New(slog.DiscardHandler), strict })
				route := s.pages.Route(0)
				ask := func(method string, next pagecache.Next) (res *http.Response, err error) {
					w := httptest.NewRecorder()
					defer func() {
						if p := recover(); p != nil {
							err = fmt.Errorf("panic: %v", p)
						}
						res = w.Result()
					}()
					err = s.pages.Serve(w, httptest.NewRequest(method, "http://a.test/", nil), route, next)
					return
				}
				_, _ = ask("GET", func(w http.ResponseWriter, _ *http.Request) error {
					w.Header().Set("Cache-Control", "max-age=60, stale-if-error=60")
					w.Header().Set("Content-Length", "4")
					_, err := io.WriteString(w, "good")
					return err
				})
				for _, step := range []struct {
					after time.Duration
					stale bool
				}{{90 * time.Second, tt.stale}, {130 * time.Second, tt.stale && strict && name == "disconnected"}} {
					s.clock.Store(int64(step.after))
					res, err := ask("HEAD", tt.next)
					stale := err == nil && res.StatusCode == 200 && res.Header.Get("Age") == fmt.Sprint(step.after.Seconds())
					if stale != step.stale {
						t.Fatalf("after %v: stale is not %v: %d %v %v", step.after, step.stale, res.StatusCode, res.Header, err)
					}
					if stale && (body(t, res) != "" || res.Header.Get("Content-Length") != "4") {
						t.Fatalf("an answer to HEAD with body or with Content-Length %q", res.Header.Get("Content-Length"))
					}
				}
			})
		}
	}
}

func TestClockGoesBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), nil)
	s.clock.Store(int64(time.Hour))
	s.get("http://a.test/")
	s.clock.Store(0)
	if r := s.get("http://a.test/"); r.Header.Get("Age") > "0" || strings.HasPrefix(r.Header.Get("Age"), "-") {
		t.Fatalf("Age %q", r.Header.Get("Age"))
	}
}

// When the handler fails, those who wait have the stale page too, and do not try
// one after the other.
func TestStaleIfErrorForAll(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var fail atomic.Bool
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if fail.Load() {
			<-release
			w.WriteHeader(503)
			return
		}
		page("good")(w, r)
	}, nil, pagecache.StaleIfError(time.Hour))
	s.get("http://a.test/")
	fail.Store(true)
	s.clock.Store(int64(2 * time.Minute))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if r := s.get("http://a.test/"); r.StatusCode != 200 || body(t, r) != "good" {
				t.Errorf("%d %v", r.StatusCode, r.Header)
			}
		})
	}
	until(t, "one runs, the others wait", func() bool { return s.runs.Load() == 2 && s.pages.Stats().Waiting == 49 })
	close(release)
	wg.Wait()
	s.wantRuns(2)
}

// A deadline that the server set is the handler's, and its end a failure.
func TestStaleWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	var hang atomic.Bool
	s := newSite(t, page("unused"), nil)
	route := s.pages.Route(0, pagecache.StaleIfError(time.Hour))
	next := func(w http.ResponseWriter, r *http.Request) error {
		if hang.Load() {
			<-r.Context().Done()
			if !errors.Is(r.Context().Err(), context.DeadlineExceeded) {
				t.Errorf("ended by %v", r.Context().Err())
			}
			return r.Context().Err()
		}
		_, err := io.WriteString(w, "good")
		return err
	}
	for i := range 2 {
		hang.Store(i == 1)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		w := httptest.NewRecorder()
		err := s.pages.Serve(w, httptest.NewRequest("GET", "http://a.test/", nil).WithContext(ctx), route, next)
		cancel()
		if err != nil || w.Body.String() != "good" || (w.Header().Get("Age") == "120") != (i == 1) {
			t.Fatalf("request %d: %v %q %v", i, err, w.Body, w.Header())
		}
		s.clock.Store(int64(2 * time.Minute))
	}
}
