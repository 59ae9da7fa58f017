package middleware

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/pubsub"
)

// Event is one of a stream of server-sent events, which JavaScript reads with
// EventSource.
type Event struct {
	// Name is the type that listeners are added for. Defaults to "message".
	// Without line ends.
	Name string
	// Data is text of any number of lines.
	Data []byte
}

// MissedEvent is the name of the event that says that others may have been missed:
// the page should read the state afresh. Its data are empty.
const MissedEvent = "missed"

// EventsConfig configures [EventsWithConfig]. Bus and Channels are required.
type EventsConfig struct {
	// Bus has the messages.
	Bus *pubsub.PubSub
	// Channels are those that a request listens to. An *echo.HTTPError refuses
	// it.
	Channels func(c echo.Context) ([]string, error)
	// Event makes an event of a message, or none if it returns false. Defaults
	// to one with the channel as its name and the payload as its data.
	Event func(c echo.Context, m pubsub.Message) (Event, bool)
	// Heartbeat is how often something is sent at least, a comment if there is
	// nothing else: to keep proxies from ending the connection, and to notice
	// that the client has gone. 1ms to 1h. Defaults to 15s.
	Heartbeat time.Duration
	// Retry is when the browser comes again after the connection was lost. 1ms
	// to 1h. Defaults to 2s.
	Retry time.Duration
	// WriteTimeout bounds one write: a client that does not read is given up. It
	// takes the place of http.Server.WriteTimeout, which would end the stream.
	// 1ms to 1h. Defaults to 10s.
	WriteTimeout time.Duration
	// Done, if not nil, ends all streams when it is closed. Close it when the
	// server is shut down (http.Server.RegisterOnShutdown): Shutdown waits for
	// open requests, and a stream is one that does not end.
	Done <-chan struct{}
}

// Events answers with a stream of the messages on the channels, as server-sent
// events with the channel as their name (HTML Living Standard, 9.2).
//
//	e.GET("/events", middleware.Events(app.PubSub, "quotes"))
//
// An event "missed" comes when messages may have been missed: see pubsub.Message,
// and when a browser comes again that had events before (Last-Event-ID). Nothing is
// kept, so none of those can be sent again. Events have ids for that alone.
//
// The stream ends with the client, with the bus and with EventsConfig.Done, and not
// with the session of who reads it: Channels is asked once, so a stream that only
// some may read goes on after a logout until the browser leaves the page. It is never
// cached. A client that does not read loses the oldest messages, as any subscriber.
// How many streams there are is bounded by pubsub.Config.MaxSubscriptions; beyond it
// the answer is 503.
//
// Panics if bus is nil or there are no channels.
func Events(bus *pubsub.PubSub, channels ...string) echo.HandlerFunc {
	if len(channels) == 0 {
		panic("middleware: Events: no channels: name one")
	}
	return EventsWithConfig(EventsConfig{Bus: bus, Channels: func(echo.Context) ([]string, error) { return channels, nil }})
}

// EventsWithConfig is [Events] with a config. Panics as Events does.
func EventsWithConfig(cfg EventsConfig) echo.HandlerFunc {
	if cfg.Bus == nil || cfg.Channels == nil {
		panic("middleware: EventsConfig needs Bus and Channels: pass what pubsub.New returned, and which channels to listen to")
	}
	if cfg.Event == nil {
		cfg.Event = func(_ echo.Context, m pubsub.Message) (Event, bool) {
			return Event{Name: m.Channel, Data: m.Payload}, true
		}
	}
	for _, field := range []struct {
		name  string
		value *time.Duration
		usual time.Duration
	}{{"Heartbeat", &cfg.Heartbeat, 15 * time.Second}, {"Retry", &cfg.Retry, 2 * time.Second}, {"WriteTimeout", &cfg.WriteTimeout, 10 * time.Second}} {
		if *field.value == 0 {
			*field.value = field.usual
		}
		if *field.value < time.Millisecond || *field.value > time.Hour {
			panic(fmt.Sprintf("middleware: EventsConfig.%s is %v: use 1ms to 1h", field.name, *field.value))
		}
	}
	return cfg.serve
}

func (cfg *EventsConfig) serve(c echo.Context) error {
	channels, err := cfg.Channels(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	sub, err := cfg.Bus.Subscribe(ctx, channels...)
	switch {
	case errors.Is(err, pubsub.ErrTooMany), errors.Is(err, pubsub.ErrClosed):
		c.Response().Header().Set(echo.HeaderRetryAfter, "5")
		return echo.NewHTTPError(http.StatusServiceUnavailable, http.StatusText(http.StatusServiceUnavailable)).SetInternal(err)
	case err != nil:
		return err
	}
	defer func() { _ = sub.Close() }()
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set(echo.HeaderCacheControl, "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would collect what it passes on
	s := &stream{cfg: cfg, c: c, control: http.NewResponseController(c.Response()), id: rand.Text()[:8]}
	c.Response().WriteHeader(http.StatusOK)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	s.buffer.WriteString("retry: " + strconv.FormatInt(cfg.Retry.Milliseconds(), 10) + "\n\n")
	if c.Request().Header.Get("Last-Event-ID") != "" {
		s.event(Event{Name: MissedEvent})
	}
	if err := s.send(); err != nil {
		return err
	}
	return s.run(ctx, sub)
}

// stream is one answer.
type stream struct {
	cfg     *EventsConfig
	c       echo.Context
	control *http.ResponseController
	id      string // of the events, with a number
	sent    uint64
	last    time.Time // when something was sent last
	buffer  bytes.Buffer
}

// run sends until somebody ends it. That a client has gone is no error.
func (s *stream) run(ctx context.Context, sub *pubsub.Subscription) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.cfg.Done != nil {
		go func() {
			select {
			case <-s.cfg.Done:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	for {
		// From what was sent last: messages that Event makes nothing of put no
		// heartbeat off.
		within, stop := context.WithDeadline(ctx, s.last.Add(s.cfg.Heartbeat))
		m, err := sub.Receive(within)
		stop()
		switch {
		case err == nil && m.Missed:
			s.event(Event{Name: MissedEvent})
		case err == nil:
			if event, ok := s.cfg.Event(s.c, m); ok {
				s.event(event)
			}
		case ctx.Err() != nil, errors.Is(err, pubsub.ErrClosed):
			return nil
		default:
			s.buffer.WriteString(":\n\n")
		}
		if s.send() != nil {
			return nil // the status has been sent: there is nobody to tell
		}
	}
}

// lineEnds are all that end a line in a stream of events.
var lineEnds = strings.NewReplacer("\r\n", "\ndata: ", "\r", "\ndata: ", "\n", "\ndata: ")

// event writes an event into the buffer.
func (s *stream) event(e Event) {
	s.sent++
	s.buffer.WriteString("id: " + s.id + "-" + strconv.FormatUint(s.sent, 10) + "\n")
	if name := strings.Map(withoutLineEnds, e.Name); name != "" {
		s.buffer.WriteString("event: " + name + "\n")
	}
	s.buffer.WriteString("data: " + lineEnds.Replace(strings.ToValidUTF8(string(e.Data), "\uFFFD")) + "\n\n")
}

func withoutLineEnds(r rune) rune {
	if r == '\r' || r == '\n' || r == 0 {
		return -1
	}
	return r
}

// send sends what is in the buffer, through all writers around the connection.
func (s *stream) send() error {
	if s.buffer.Len() == 0 {
		return nil
	}
	// Not every writer knows of deadlines, as httptest's does not.
	if err := s.control.SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.c.Response().Write(s.buffer.Bytes()); err != nil {
		return err
	}
	s.buffer.Reset()
	s.last = time.Now()
	return s.control.Flush()
}
