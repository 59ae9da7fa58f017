package middleware_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/middleware"
)

// BenchmarkServed serves 10 KB over sockets without and with a page cache, in
// turns, so that what else the machine does hits all alike, and reports the
// medians of the ratios: a hit to a handler that writes the same bytes.
func BenchmarkServed(b *testing.B) {
	page := []byte(strings.Repeat("0123456789abcdef", 640))
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
	pages := newPages(b, nil)
	names := []string{"net/http", "handler", "Echo", "decorator"}
	var addrs []string
	for _, h := range []http.Handler{bare, pages.Handler(bare), onEcho(), onEcho(middleware.CachePage(newPages(b, nil), time.Hour))} {
		s := httptest.NewServer(h)
		b.Cleanup(s.Close)
		addrs = append(addrs, s.Listener.Addr().String())
	}
	rates := make([][]float64, len(addrs))
	for b.Loop() {
		for i, addr := range addrs {
			rates[i] = append(rates[i], requestRate(b, addr, 16, 200*time.Millisecond))
		}
	}
	for i, name := range names {
		b.ReportMetric(median(rates[i]), name+"/s")
	}
	b.ReportMetric(ratio(rates[1], rates[0]), "handler:net/http")
	b.ReportMetric(ratio(rates[3], rates[2]), "decorator:Echo")
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

func ratio(list, base []float64) float64 {
	ratios := make([]float64, len(list))
	for i := range list {
		ratios[i] = list[i] / base[i]
	}
	return median(ratios)
}

// requestRate asks over n connections for a while and returns answers a second.
func requestRate(b *testing.B, addr string, n int, d time.Duration) float64 {
	b.Helper()
	var answers atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range n {
		wg.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			in := bufio.NewReaderSize(conn, 32<<10)
			for time.Since(begin) < d {
				if err := askOnce(conn, in); err != nil {
					b.Error(err)
					return
				}
				answers.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(answers.Load()) / time.Since(begin).Seconds()
}

var pageRequest = []byte("GET /page HTTP/1.1\r\nHost: example.org\r\n\r\n")

// askOnce costs as little as a client can.
func askOnce(conn net.Conn, in *bufio.Reader) error {
	if _, err := conn.Write(pageRequest); err != nil {
		return err
	}
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if rest, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(rest)))
		}
		if len(line) == 2 {
			break
		}
	}
	_, err := io.CopyN(io.Discard, in, int64(length))
	return err
}
