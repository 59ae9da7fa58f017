package pagecache_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

// mirror shows all that a handler can learn of its request, as the most careless
// application would.
func mirror(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	b, _ := io.ReadAll(r.Body)
	fmt.Fprintln(w, r.Method, r.Host, r.URL.Host, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.RequestURI, string(b))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name != "Connection" {
			fmt.Fprintln(w, name, r.Header[name])
		}
	}
	_ = r.ParseForm()
	fmt.Fprintln(w, r.Form, r.Cookies())
}

// attack is a request, as bytes, with which somebody tries to change what others
// get. The marker is "evil".
type attack struct {
	rule string
	raw  string
}

func get(line string, fields ...string) string {
	return line + " HTTP/1.1\r\nHost: good.test\r\n" + strings.Join(append(fields, "Connection: close", "", ""), "\r\n")
}

// forged are fields that proxies set and attackers forge.
var forged = []string{
	"Forwarded: host=evil", "X-Forwarded-For: evil", "X-Forwarded-Host: evil", "X-Forwarded-Proto: evil", "X-Forwarded-Port: evil", "X-Forwarded-Prefix: /evil",
	"X-Forwarded-Server: evil", "X-Forwarded-Scheme: evil", "X-Original-URL: /evil", "X-Rewrite-URL: /evil", "X-Host: evil", "X-Real-IP: evil", "True-Client-IP: evil",
	"X-Client-IP: evil", "X-Url-Scheme: evil", "Front-End-Https: evil",
}

func attacks() []attack {
	list := []attack{
		{"4: a body on GET", "GET /page HTTP/1.1\r\nHost: good.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\nConnection: close\r\n\r\nq=evil&a"},
		{"4: chunks on GET", "GET /page HTTP/1.1\r\nHost: good.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nevil\r\n0\r\n\r\n"},
		{"4: both lengths", "GET /page HTTP/1.1\r\nHost: good.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nevil\r\n0\r\n\r\n"},
		{"4: method override", get("GET /page", "X-HTTP-Method-Override: EVIL")},
		{"4: method override, other name", get("GET /page", "X-Method-Override: EVIL")},
		{"4: HEAD with a body", "HEAD /page HTTP/1.1\r\nHost: good.test\r\nContent-Length: 4\r\nConnection: close\r\n\r\nevil"},
		{"4: dots", get("GET /x/../page?evil")},
		{"4: coded dots", get("GET /x/%2e%2e/page?evil")},
		{"4: double slash", get("GET //page?evil")},
		{"4: coded slash", get("GET /%2fpage?evil")},
		{"4: backslash", get("GET /\\page?evil")},
		{"4: NUL", get("GET /page%00evil")},
		{"4: line break", get("GET /page%0d%0aevil")},
		{"4: semicolon", get("GET /page?a=1;evil=2")},
		{"4: bad escape", get("GET /page?evil=%zz")},
		{"6: absolute target with another host", "GET http://evil.test/page HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n"},
		{"6: another host", "GET /page HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n"},
		{"6: another port", "GET /page HTTP/1.1\r\nHost: good.test:666\r\nX-A: evil\r\nConnection: close\r\n\r\n"},
		{"6: cookies", get("GET /page", "Cookie: track=evil; theme=evil")},
		{"7: ignored parameter", get("GET /page?utm_source=evil")},
		{"7: ignored parameter, coded name", get("GET /page?%75tm_source=evil")},
		{"7: ignored parameter among others", get("GET /page?gclid=evil&utm_campaign=evil")},
		{"upgrade", get("GET /page", "Upgrade: evil")},
		{"a part", get("GET /page", "Range: bytes=0-1", "X-A: evil")},
		{"conditions", get("GET /page", `If-None-Match: "evil"`, "If-Modified-Since: Mon, 02 Jan 2006 15:04:05 GMT")},
		{"an empty condition", get("GET /page", "If-Match: evil")},
		{"credentials", get("GET /page", "Authorization: Basic evil")},
		{"request no-store", get("GET /page", "Cache-Control: no-store", "X-A: evil")},
	}
	for _, field := range forged {
		list = append(list, attack{"6: " + field, get("GET /page", field)})
	}
	return list
}

// SAFETY, rules 4, 6 and 7: attack, then a clean request for the same page. Where
// the attack is a request that may be kept at all, what it brings along must not
// have reached the handler; everything else must not have been kept.
func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, a := range attacks() {
		for _, hosts := range [][]string{nil, {"good.test"}} {
			t.Run(fmt.Sprint(a.rule, hosts), func(t *testing.T) {
				t.Parallel()
				s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
					// Fields that no rule hides are the application's to
					// name in Vary; this one does.
					w.Header().Set("Vary", "X-A")
					mirror(w, r)
				}, func(c *pagecache.Config) { c.Hosts = hosts })
				server := httptest.NewServer(s.h)
				defer server.Close()
				send(t, server, a.raw)
				clean := "GET /page HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n"
				first := send(t, server, clean)
				if strings.Contains(strings.ToLower(first), "evil") {
					t.Fatalf("the clean request got:\n%s", first)
				}
				if second := send(t, server, clean); !strings.Contains(second, "; hit") {
					t.Fatalf("the clean page was not kept:\n%s", second)
				}
			})
		}
	}
}

func send(t *testing.T, server *httptest.Server, raw string) string {
	t.Helper()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err = io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(bufio.NewReader(c))
	return string(b)
}

// Rule 6: a proxy that is trusted may say who asks, and nobody else.
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	for peer, trusted := range map[string]bool{"192.0.2.7:1": true, "[::ffff:192.0.2.7]:1": true, "198.51.100.7:1": false, "nonsense": false} {
		s := newSite(t, mirror, func(c *pagecache.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
		r := httptest.NewRequest("GET", "http://a.test/", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-Host", "told.test")
		w := httptest.NewRecorder()
		s.h.ServeHTTP(w, r)
		if got := strings.Contains(w.Body.String(), "told.test"); got != trusted {
			t.Errorf("%s: seen is %v", peer, got)
		}
	}
}

// Rule 7: a trusted proxy passes on what visitors made up. What handlers see of it is
// in the key.
func TestTrustedProxiesPassThingsOn(t *testing.T) {
	t.Parallel()
	for _, field := range append(slices.Clone(forged), "Forwarded: for=1.2.3.4;host=evil", "X-Forwarded-Proto: https, evil", "X-Forwarded-User: evil", "X-Forwarded-Path: /evil") {
		name, value, _ := strings.Cut(field, ": ")
		switch name {
		case "X-Forwarded-For", "X-Real-IP", "True-Client-IP", "X-Client-IP":
			continue // whoever asks: a page that shows it is no page for all
		}
		s := newSite(t, mirror, func(c *pagecache.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
		for range 3 {
			s.get("http://a.test/", name, value)
		}
		for range 2 {
			if text := body(t, s.get("http://a.test/")); strings.Contains(text, "evil") {
				t.Errorf("%s: others got\n%s", field, text)
			}
		}
		if text := body(t, s.get("http://a.test/", name, value)); !strings.Contains(text, "evil") {
			t.Errorf("%s: it was not believed:\n%s", field, text)
		}
		s.wantRuns(2)
	}
}

// Rule 1: whoever sets a cookie, and whenever.
func TestCookieAtAnyTime(t *testing.T) {
	t.Parallel()
	set := func(h http.Header) { h.Add("Set-Cookie", "session=x") }
	late := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			set(w.Header()) // too late for the wire, but somebody meant it
		})
	}
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		inside  func(http.Handler) http.Handler
		outside func(http.Handler) http.Handler
	}{
		"handler":          {handler: func(w http.ResponseWriter, _ *http.Request) { set(w.Header()); _, _ = io.WriteString(w, "x") }},
		"empty cookie":     {handler: withHeader("Set-Cookie", "")},
		"inside, before":   {handler: page("x"), inside: early(set)},
		"outside, before":  {handler: page("x"), outside: early(set)},
		"inside, after":    {handler: page("x"), inside: late},
		"outside, on send": {handler: page("x"), outside: onSend(set)},
		"1xx": {handler: func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header())
			w.WriteHeader(103)
			_, _ = io.WriteString(w, "x")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, page("unused"), nil)
			var h http.Handler = tt.handler
			if tt.inside != nil {
				h = tt.inside(h)
			}
			h = s.pages.Handler(h)
			if tt.outside != nil {
				h = tt.outside(h)
			}
			for range 2 {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "http://a.test/", nil))
				if isHit(t, w.Result()) {
					t.Fatal("kept")
				}
			}
			if n := s.cache.Stats().Sets; n != 0 {
				t.Fatalf("%d records were stored", n)
			}
		})
	}
}

func early(set func(http.Header)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header())
			next.ServeHTTP(w, r)
		})
	}
}

func onSend(set func(http.Header)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&sender{ResponseWriter: w, set: set}, r)
		})
	}
}

type sender struct {
	http.ResponseWriter
	set  func(http.Header)
	done bool
}

func (w *sender) WriteHeader(status int) {
	if !w.done {
		w.done = true
		w.set(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

// Rule 2: the session was used when the header went out, by middleware outside.
func TestSessionUsedOnSend(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), nil)
	for range 2 {
		used := &session{}
		h := onSend(func(http.Header) { used.reads.Add(1) })(s.h)
		r := httptest.NewRequest("GET", "http://a.test/", nil)
		r = r.WithContext(contextWith(r, used))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if isHit(t, w.Result()) {
			t.Fatal("kept")
		}
	}
}

// Rule 3: what was stored for all is not given to who shows credentials, nor the
// other way round, unless the page says so.
func TestCredentials(t *testing.T) {
	t.Parallel()
	for control, shared := range map[string]bool{"max-age=60": false, "max-age=60, public": true, "s-maxage=60": true, "max-age=60, must-revalidate": true, "max-age=60, proxy-revalidate": false} {
		s := newSite(t, withHeader("Cache-Control", control), nil)
		s.get("http://a.test/1")
		if got := isHit(t, s.get("http://a.test/1", "Authorization", "x")); got != shared {
			t.Errorf("%s: credentials got the page of all: %v", control, got)
		}
		s.get("http://a.test/2", "Authorization", "x")
		if got := isHit(t, s.get("http://a.test/2")); got != shared {
			t.Errorf("%s: all got the page for credentials: %v", control, got)
		}
	}
}

// Rule 5: what a path looks like makes nothing cacheable.
func TestPathsDeceiveNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		cache.Private(r.Context(), "account")
		page("secret")(w, r)
	}, nil)
	for _, path := range []string{"/acc/x.css", "/acc/x.jpg", "/acc/7;x.js", "/acc/7%3bx.js", "/acc/7%23.css", "/acc/7%3f.css", "/static/..%2facc/7", "/acc/7%00.css", "/robots.txt"} {
		for range 2 {
			if r := s.get("http://a.test" + path); isHit(t, r) {
				t.Errorf("%s was kept", path)
			}
		}
	}
}

// Rule 8: what is incomplete is not kept.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"shorter than declared": withHeader("Content-Length", "10"),
		"longer than declared":  withHeader("Content-Length", "2"),
		"no number":             withHeader("Content-Length", "4, 4"),
		"negative":              withHeader("Content-Length", "-4"),
		"flushed":               func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a"); w.(http.Flusher).Flush() },
		"trailers":              withHeader("Trailer", "X-Sum"),
		"too long":              page(strings.Repeat("x", 1<<20+1)),
		"events":                withHeader("Content-Type", "Text/Event-Stream; charset=utf-8"),
	} {
		s := newSite(t, handler, nil)
		for range 2 {
			if r := s.get("http://a.test/"); isHit(t, r) {
				t.Errorf("%s: kept", name)
			}
		}
	}
}

// Rule 9: what net/http would clean on the wire only, and what is too much.
func TestHeadersThatAreNone(t *testing.T) {
	t.Parallel()
	many := make([]string, 0, 200)
	for i := range 100 {
		many = append(many, fmt.Sprint("X-", i), "v")
	}
	for name, pairs := range map[string][]string{
		"CRLF": {"X-A", "a\r\nSet-Cookie: b=c"}, "LF": {"X-A", "a\nb"}, "NUL": {"X-A", "a\x00b"}, "name": {"X A", "b"}, "name with a colon": {"X:A", "b"},
		"many": many, "long": {"X-A", strings.Repeat("a", 17<<10)},
	} {
		s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(pairs); i += 2 {
				w.Header()[pairs[i]] = []string{pairs[i+1]}
			}
			_, _ = io.WriteString(w, "x")
		}, nil)
		for range 2 {
			if r := s.get("http://a.test/"); isHit(t, r) {
				t.Errorf("%s: kept", name)
			}
		}
	}
}

// Rule 10: statuses.
func TestStatusesOfTheAppProfile(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.URL.Path[1:])
		withHeaderStatus(status, "Cache-Control", "public, max-age=60", "Content-Type", "text/plain")(w, r)
	}, nil)
	for status := 200; status < 600; status++ {
		url := fmt.Sprint("http://a.test/", status)
		s.get(url)
		kept := slices.Contains([]int{200, 203, 204, 300, 301, 308, 404, 410}, status)
		if got := isHit(t, s.get(url)); got != kept {
			t.Errorf("%d: kept is %v", status, got)
		}
	}
}

// Rule 13.
func TestReasonsStayInside(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		cache.Private(r.Context(), "the secret reason")
		page("x")(w, r)
	}, func(c *pagecache.Config) { c.Development = false })
	for _, r := range []*http.Response{s.get("http://a.test/"), s.do("POST", "http://a.test/"), s.get("http://a.test//odd"), s.get("http://a.test/", "Cache-Control", "no-store")} {
		for name, values := range r.Header {
			for _, v := range values {
				for _, word := range []string{"secret", "private", "detail", "scope", "no-store", "path"} {
					if strings.Contains(v, word) {
						t.Errorf("%s: %s", name, v)
					}
				}
			}
		}
	}
}
