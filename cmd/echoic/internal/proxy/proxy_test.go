package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/echoic-go/echoic/cmd/echoic/internal/proxy"
	"github.com/echoic-go/echoic/pagecache"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	if _, err := proxy.New(proxy.Config{}); err == nil || !strings.Contains(err.Error(), "Config.Pages") {
		t.Errorf("no pages: %v", err)
	}
	pages := new(pagecache.Pages)
	for _, bad := range []*url.URL{nil, {}, {Scheme: "http"}, {Scheme: "ftp", Host: "a.test"}, {Host: "a.test"}} {
		if _, err := proxy.New(proxy.Config{Pages: pages, Origin: bad}); err == nil || !strings.Contains(err.Error(), "Config.Origin") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// End-to-end fields, methods, targets and bodies reach the other side as they
// were.
func TestPassesEverythingOn(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	var body string
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		seen, body = r, string(b)
		w.Header()["X-Twice"] = []string{"1", "2"}
		w.Header().Set("Server", "origin")
		w.WriteHeader(299)
		_, _ = io.WriteString(w, "<html>")
	})
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "M-SEARCH", "PROPFIND", "BREW"} {
		var payload io.Reader
		if method != "GET" && method != "HEAD" {
			payload = strings.NewReader("payload of " + method)
		}
		a := s.do(method, "/a%20b/%C3%A9?b=2&a=1;c&%zz", http.Header{
			"X-Twice": {"1", "2"}, "Cookie": {"a=b"}, "Authorization": {"x"}, "X-Forwarded-For": {"192.0.2.1"}, "Forwarded": {"for=192.0.2.1"},
			"Accept-Encoding": {"br;q=0.5"}, "Te": {"trailers"}, "Host": {"visitor.test"}, "X-Hop": {"1"}, "Connection": {"X-Hop"},
		}, payload)
		if a.StatusCode != 299 || strings.Join(a.Header["X-Twice"], "|") != "1|2" || a.Header.Get("Server") != "origin" {
			t.Errorf("%s: %d %v", method, a.StatusCode, a.Header)
		}
		if seen.Method != method || seen.RequestURI != "/a%20b/%C3%A9?b=2&a=1;c&%zz" || seen.Host != "visitor.test" {
			t.Errorf("%s: the origin saw %s %s at %s", method, seen.Method, seen.RequestURI, seen.Host)
		}
		for name, want := range map[string]string{"X-Twice": "1|2", "Cookie": "a=b", "Authorization": "x", "X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1", "Accept-Encoding": "br;q=0.5", "X-Hop": "", "User-Agent": "Go-http-client/1.1"} {
			if got := strings.Join(seen.Header[name], "|"); got != want {
				t.Errorf("%s: the origin saw %s: %q, want %q", method, name, got, want)
			}
		}
		if payload != nil && body != "payload of "+method {
			t.Errorf("%s: the origin got %q", method, body)
		}
		if payload == nil && (seen.ContentLength != 0 || len(seen.TransferEncoding) > 0) {
			t.Errorf("%s: the origin got a body", method)
		}
	}
}

func TestChunkedIsStored(t *testing.T) {
	t.Parallel()
	first := make(chan struct{}, 1)
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "one")
		w.(http.Flusher).Flush()
		<-first
		_, _ = io.WriteString(w, "two")
		w.Header().Set("X-Sum", "6")
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.front.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	part := make([]byte, 3)
	if _, err := io.ReadFull(res.Body, part); err != nil || string(part) != "one" {
		t.Fatalf("the first part waited for the second: %q %v", part, err)
	}
	first <- struct{}{}
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "two" || res.Trailer.Get("X-Sum") != "6" {
		t.Fatalf("%q %v, trailer %v", rest, err, res.Trailer)
	}
	if a := s.get("/"); !hit(a) || a.text != "onetwo" || a.ContentLength != 6 {
		t.Fatalf("not stored: %v %q", a.Header, a.text)
	}
}

// RFC 9110, section 15.2.
func TestInterimAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
		w.Header().Del("Link")
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "x")
	})
	for i, want := range []string{"103</a.css>; rel=preload 102</a.css>; rel=preload", ""} {
		var got []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			got = append(got, fmt.Sprint(code, h.Get("Link")))
			return nil
		}})
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.front.URL+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if strings.Join(got, " ") != want || res.StatusCode != 200 || res.Header.Get("Link") != "" {
			t.Errorf("request %d: interim %q, then %d %v", i+1, got, res.StatusCode, res.Header)
		}
		if cached := strings.Contains(res.Header.Get("Cache-Status"), "; hit"); cached != (i == 1) {
			t.Errorf("request %d: %v", i+1, res.Header)
		}
	}
}

// A client that leaves does not take the answer from those who wait with it.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}, 8), make(chan struct{})
	var runs atomic.Int64
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		runs.Add(1)
		begun <- struct{}{}
		<-release
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "x")
	})
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.front.URL+"/", nil)
		res, err := s.client.Do(r)
		if err == nil {
			_ = res.Body.Close()
		}
		left <- err
	}()
	<-begun
	got := make(chan string, 1)
	go func() { got <- s.get("/").text }()
	// The second one waits once it is there; without a way to see that, both
	// orders have to do.
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(release)
	if text := <-got; text != "x" {
		t.Fatalf("got %q", text)
	}
	if a := s.get("/"); !hit(a) {
		t.Fatalf("not stored: %v", a.Header)
	}
}

func TestWebsocketPasses(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(c, "heard "+line)
	})
	c, err := net.Dial("tcp", s.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", res, err)
	}
	_, _ = io.WriteString(c, "hello\n")
	if line, err := in.ReadString('\n'); err != nil || line != "heard hello\n" {
		t.Fatalf("%q %v", line, err)
	}
}

// Memory stays flat: the body is not kept beyond the limit.
func TestLargeBodiesPass(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		block := make([]byte, 1<<16)
		for range size / len(block) {
			_, _ = w.Write(block)
		}
	}, func(c *pagecache.Config) { c.MaxBodyBytes = 1 << 20 })
	for range 2 {
		if a := s.get("/"); len(a.text) != size || hit(a) {
			t.Fatalf("%d bytes, %v", len(a.text), a.Header)
		}
	}
}

// Nobody waits for the end of a stream that will not be kept.
func TestStreamsDoNotQueueUp(t *testing.T) {
	t.Parallel()
	for name, header := range map[string][]string{"events": {"Content-Type", "text/event-stream"}, "private": {"Cache-Control", "private"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end := make(chan struct{})
			s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(header[0], header[1])
				_, _ = io.WriteString(w, "data: 1\n\n")
				w.(http.Flusher).Flush()
				<-end
			})
			for range 3 {
				res, err := s.client.Get(s.front.URL + "/")
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				first := make([]byte, 9)
				if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "data: 1\n\n" {
					t.Fatalf("%q %v", first, err)
				}
			}
			close(end)
		})
	}
}
