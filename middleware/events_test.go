package middleware_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pubsub"
	"github.com/echoic-go/echoic/pubsub/memory"
)

func newBus(t testing.TB, cfg pubsub.Config) *pubsub.PubSub {
	t.Helper()
	cfg.Driver = new(memory.Driver)
	bus, err := pubsub.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	return bus
}

// listen opens a stream from a server.
func listen(t *testing.T, server *httptest.Server, header ...string) (*http.Response, *bufio.Reader) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = got.Body.Close() })
	return got, bufio.NewReader(got.Body)
}

// block reads to the next empty line, without the line of the id.
func block(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var lines []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %q", err, lines)
		}
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			return strings.Join(lines, "|")
		}
		if !strings.HasPrefix(line, "id: ") {
			lines = append(lines, line)
		}
	}
}

func serveEvents(t *testing.T, e *echo.Echo) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(e)
	server.Config.WriteTimeout = time.Second // streams outlive it
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func TestEvents(t *testing.T) {
	t.Parallel()
	bus := newBus(t, pubsub.Config{})
	pages := newPages(t, nil)
	e := newEcho()
	e.Use(echomw.Gzip())
	// Even on a route whose pages are kept.
	e.GET("/events", middleware.EventsWithConfig(middleware.EventsConfig{
		Bus: bus, Channels: func(echo.Context) ([]string, error) { return []string{"quotes"}, nil }, Heartbeat: 300 * time.Millisecond,
	}), middleware.CachePage(pages, time.Minute))
	server := serveEvents(t, e)
	for _, header := range [][]string{nil, {"Last-Event-ID", "x-7"}} {
		got, r := listen(t, server, header...)
		if got.StatusCode != 200 || got.Header.Get("Content-Type") != "text/event-stream" || !strings.Contains(got.Header.Get("Cache-Control"), "no-store") || got.Header.Get("Age") != "" {
			t.Fatalf("%d %v", got.StatusCode, got.Header)
		}
		if b := block(t, r); b != "retry: 2000" {
			t.Fatalf("%q", b)
		}
		if header != nil {
			if b := block(t, r); b != "event: missed|data: " {
				t.Errorf("who comes again is told: %q", b)
			}
		}
		for _, row := range []struct{ payload, want string }{
			{"one", "event: quotes|data: one"},
			{"a\nb\r\nc\rid: evil", "event: quotes|data: a|data: b|data: c|data: id: evil"},
			{"", "event: quotes|data: "},
			{"\xff", "event: quotes|data: \uFFFD"},
		} {
			if err := bus.Publish(t.Context(), "quotes", []byte(row.payload)); err != nil {
				t.Fatal(err)
			}
			b := block(t, r)
			for b == ":" {
				b = block(t, r)
			}
			if b != row.want {
				t.Errorf("%q is sent as %q, want %q", row.payload, b, row.want)
			}
		}
		for begin := time.Now(); time.Since(begin) < 2*time.Second; { // longer than the server's WriteTimeout
			if b := block(t, r); b != ":" {
				t.Errorf("%q is no heartbeat", b)
			}
		}
		_ = got.Body.Close()
		testenv.Eventually(t, 20*time.Second, func() bool { return bus.Stats().Subscriptions == 0 }, "the stream ends with the client")
	}
}

func TestEventsEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(bus *pubsub.PubSub, done chan struct{}){
		"bus":  func(bus *pubsub.PubSub, _ chan struct{}) { _ = bus.Close() },
		"done": func(_ *pubsub.PubSub, done chan struct{}) { close(done) },
	} {
		bus, done := newBus(t, pubsub.Config{}), make(chan struct{})
		e := newEcho()
		e.GET("/events", middleware.EventsWithConfig(middleware.EventsConfig{
			Bus: bus, Channels: func(echo.Context) ([]string, error) { return []string{"c"}, nil }, Done: done,
		}))
		_, r := listen(t, serveEvents(t, e))
		block(t, r)
		end(bus, done)
		if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Errorf("%s: %q, %v", name, rest, err)
		}
	}
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	bus := newBus(t, pubsub.Config{MaxSubscriptions: 1})
	e := newEcho()
	e.GET("/events", middleware.Events(bus, "c"))
	server := serveEvents(t, e)
	_, r := listen(t, server)
	block(t, r)
	if got, _ := listen(t, server); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("a second stream: %d %v", got.StatusCode, got.Header)
	}
}

func TestEventsChosen(t *testing.T) {
	t.Parallel()
	bus := newBus(t, pubsub.Config{})
	e := newEcho()
	e.GET("/events", middleware.EventsWithConfig(middleware.EventsConfig{
		Bus: bus,
		Channels: func(c echo.Context) ([]string, error) {
			if c.QueryParam("user") == "" && c.Request().Header.Get("X-User") == "" {
				return nil, echo.ErrForbidden
			}
			return []string{"a"}, nil
		},
		Event: func(_ echo.Context, m pubsub.Message) (middleware.Event, bool) {
			return middleware.Event{Name: "up\r\ndata: x", Data: []byte(strings.ToUpper(string(m.Payload)))}, len(m.Payload) > 1
		},
	}))
	server := serveEvents(t, e)
	if got, _ := listen(t, server); got.StatusCode != http.StatusForbidden {
		t.Errorf("%d", got.StatusCode)
	}
	_, r := listen(t, server, "X-User", "anna")
	block(t, r)
	for _, payload := range []string{"x", "abc"} {
		if err := bus.Publish(t.Context(), "a", []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	if b := block(t, r); b != "event: updata: x|data: ABC" {
		t.Errorf("%q", b)
	}
}

// Messages that nobody is shown put the heartbeat off no more than silence does.
func TestEventsHeartbeatUnderFilteredMessages(t *testing.T) {
	t.Parallel()
	bus := newBus(t, pubsub.Config{})
	e := newEcho()
	e.GET("/events", middleware.EventsWithConfig(middleware.EventsConfig{
		Bus: bus, Heartbeat: 500 * time.Millisecond,
		Channels: func(echo.Context) ([]string, error) { return []string{"c"}, nil },
		Event:    func(echo.Context, pubsub.Message) (middleware.Event, bool) { return middleware.Event{}, false },
	}))
	_, r := listen(t, serveEvents(t, e))
	block(t, r)
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if err := bus.Publish(t.Context(), "c", []byte("x")); err != nil {
				t.Error(err)
			}
		}
	})
	heard := make(chan string, 1)
	go func() { line, _ := r.ReadString('\n'); heard <- line }()
	select {
	case line := <-heard:
		if line != ":\n" {
			t.Errorf("%q is no heartbeat", line)
		}
	case <-time.After(20 * time.Second):
		t.Error("no heartbeat came while there were messages for others")
	}
	close(stop)
	work.Wait()
}
