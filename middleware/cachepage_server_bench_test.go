package middleware_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/middleware"
)

// memoryConn is a connection over which n requests come at once, and whose
// answers nobody reads: what is left is what the server and the handler cost.
type memoryConn struct {
	n    int
	rest []byte
	done chan struct{}
}

func (c *memoryConn) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.n == 0 {
			return 0, io.EOF
		}
		c.n--
		c.rest = pageRequest
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *memoryConn) Write(b []byte) (int, error) { return len(b), nil }
func (c *memoryConn) Close() error {
	select {
	case <-c.done:
	default:
		close(c.done)
	}
	return nil
}
func (c *memoryConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *memoryConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

// oneConn is a listener with one connection.
type oneConn struct{ conns chan net.Conn }

func (l oneConn) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, io.EOF
	}
	return c, nil
}
func (l oneConn) Close() error   { return nil }
func (l oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// BenchmarkServer is the cost of one answer of 10 KB in net/http's server without
// a network: a handler alone, from the page cache, and the same on Echo.
func BenchmarkServer(b *testing.B) {
	page := bytes.Repeat([]byte("0123456789abcdef"), 640)
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		_, _ = w.Write(page)
	})
	onEcho := func(mw ...echo.MiddlewareFunc) *echo.Echo {
		e := echo.New()
		e.GET("/page", func(c echo.Context) error {
			c.Response().Header().Set("Content-Length", strconv.Itoa(len(page)))
			return c.Blob(http.StatusOK, "text/html; charset=utf-8", page)
		}, mw...)
		return e
	}
	for _, s := range []struct {
		name string
		h    http.Handler
	}{
		{"net/http", bare}, {"handler", newPages(b, nil).Handler(bare)},
		{"Echo", onEcho()}, {"decorator", onEcho(middleware.CachePage(newPages(b, nil), time.Hour))},
	} {
		b.Run(strings.ReplaceAll(s.name, "/", "-"), func(b *testing.B) {
			b.ReportAllocs()
			c := &memoryConn{n: b.N, done: make(chan struct{})}
			l := oneConn{make(chan net.Conn, 1)}
			l.conns <- c
			b.ResetTimer()
			go func() { _ = (&http.Server{Handler: s.h}).Serve(l) }()
			<-c.done
			close(l.conns)
		})
	}
}
