package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rawOrigin answers each connection with a function of its own.
func rawOrigin(t *testing.T, serve func(c net.Conn, n int)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				serve(c, n)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

// The origin sees no request twice, also if it closes a connection that was in
// use before when the request has just come.
func TestNoRequestTwice(t *testing.T) {
	t.Parallel()
	var seen atomic.Int64
	origin := rawOrigin(t, func(c net.Conn, _ int) {
		in := bufio.NewReader(c)
		for n := 0; ; n++ {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			seen.Add(1)
			if n > 0 {
				return // after it has come, without a word
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
			if r.Method != http.MethodHead {
				_, _ = io.WriteString(c, "x")
			}
		}
	})
	s := newSiteBefore(t, origin)
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "DELETE"} {
		if a := s.do(method, "/", nil, nil); a.StatusCode != 200 {
			t.Fatalf("%s: %d %s", method, a.StatusCode, a.text)
		}
		if a := s.do(method, "/", nil, nil); a.StatusCode != http.StatusBadGateway {
			t.Fatalf("%s: %d although the origin closed the connection", method, a.StatusCode)
		}
		if n := seen.Swap(0); n != 2 {
			t.Fatalf("%s: the origin saw %d requests, 2 were sent", method, n)
		}
	}
}

func TestOriginAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, numbered("Cache-Control", "max-age=10"))
	strict := newSite(t, numbered("Cache-Control", "max-age=10, must-revalidate"))
	for _, s := range []*site{s, strict} {
		s.get("/")
		s.origin.Close()
		s.ahead.Add(int64(time.Minute))
	}
	for range 3 {
		if a := s.get("/"); a.StatusCode != 200 || a.text != "1" || a.Header.Get("Age") < "60" {
			t.Fatalf("stale: %d %v", a.StatusCode, a.Header)
		}
		if a := s.get("/new"); a.StatusCode != http.StatusBadGateway || a.text != "Bad Gateway\n" {
			t.Fatalf("nothing stored: %d %q", a.StatusCode, a.text)
		}
		if a := strict.get("/"); a.StatusCode != http.StatusBadGateway {
			t.Fatalf("must-revalidate: %d %v", a.StatusCode, a.Header)
		}
	}
	if n := strings.Count(s.log.String(), "the origin cannot be reached"); n != 1 {
		t.Fatalf("logged %d times:\n%s", n, s.log)
	}
}

func TestOriginComesBack(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		numbered()(w, r)
	})
	for range 2 {
		away.Store(true)
		for range 3 {
			if a := s.get("/"); a.StatusCode != http.StatusBadGateway {
				t.Fatalf("%d", a.StatusCode)
			}
		}
		away.Store(false)
		for range 3 {
			if a := s.get("/"); a.StatusCode != 200 {
				t.Fatalf("%d", a.StatusCode)
			}
		}
	}
	log := s.log.String()
	if strings.Count(log, "cannot be reached") != 2 || strings.Count(log, "is back") != 2 {
		t.Fatalf("one line a change:\n%s", log)
	}
}

// RFC 5861, section 4: 500, 502, 503, 504.
func TestStaleIfError(t *testing.T) {
	t.Parallel()
	for _, status := range []int{500, 502, 503, 504, 404, 501} {
		var failing atomic.Bool
		s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
			if failing.Load() {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "broken")
				return
			}
			w.Header().Set("Cache-Control", "max-age=1, stale-if-error=60")
			_, _ = io.WriteString(w, "fine")
		})
		s.get("/")
		failing.Store(true)
		s.ahead.Add(int64(30 * time.Second))
		a := s.get("/")
		stale := status != 404 && status != 501
		if got := a.StatusCode == 200 && a.text == "fine"; got != stale {
			t.Errorf("%d: %d %q", status, a.StatusCode, a.text)
		}
		s.ahead.Add(int64(60 * time.Second))
		if a := s.get("/"); a.StatusCode != status || a.text != "broken" {
			t.Errorf("%d beyond the window: %d %q", status, a.StatusCode, a.text)
		}
	}
}

// An answer that breaks off is not stored, and does not look complete.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"with a length": "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhalf",
		"chunked":       "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSiteBefore(t, rawOrigin(t, func(c net.Conn, n int) {
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				if n == 1 {
					_, _ = io.WriteString(c, head)
					return
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nwhole")
			}))
			res, err := s.client.Get(s.front.URL + "/")
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if err == nil {
				t.Fatalf("half an answer looked complete: %q", b)
			}
			if a := s.get("/"); a.text != "whole" {
				t.Fatalf("half an answer was stored: %q %v", a.text, a.Header)
			}
		})
	}
}

// Nor is one that breaks off while the page is made anew in the background.
func TestBrokenOffInTheBackground(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=1, stale-while-revalidate=3600\r\nTransfer-Encoding: chunked\r\n\r\n"
	third := make(chan struct{})
	s := newSiteBefore(t, rawOrigin(t, func(c net.Conn, n int) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		if n == 3 {
			close(third)
		}
		if n == 2 {
			_, _ = io.WriteString(c, head+"4\r\nhalf\r\n")
			return
		}
		_, _ = io.WriteString(c, head+"5\r\nwhole\r\n0\r\n\r\n")
	}))
	for {
		if a := s.get("/"); a.text != "whole" {
			t.Fatalf("half an answer was stored: %q %v", a.text, a.Header)
		}
		select {
		case <-third: // so the second is over
			return
		default:
			s.ahead.Add(int64(10 * time.Second)) // a refresh that failed is not tried again at once
		}
	}
}
