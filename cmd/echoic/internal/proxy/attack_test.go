package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// raw writes bytes to the proxy and returns all that comes back.
func (s *site) raw(text string) string {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.front.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, text)
	all, _ := io.ReadAll(conn)
	return string(all)
}

// ask is a request for good.test, as bytes.
func ask(line string, fields ...string) string {
	return line + " HTTP/1.1\r\nHost: good.test\r\n" + strings.Join(append(fields, "Connection: close", "", ""), "\r\n")
}

// careless is an origin that shows what it was told, and names in Vary what every
// origin should.
func careless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=60")
	w.Header().Set("Vary", "X-Mode, Accept-Language")
	fmt.Fprintln(w, r.Host, r.RequestURI, r.Header["X-Mode"], r.Header["Accept-Language"])
	for name, values := range r.Header {
		switch name {
		case "X-Original-Url", "X-Rewrite-Url", "X-Host", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Original-Host", "X-Http-Method-Override":
			fmt.Fprintln(w, name, values)
		}
	}
}

// What others are served after somebody has asked in an odd way is what they were
// served before.
func TestPoisonedByARequest(t *testing.T) {
	t.Parallel()
	for name, seq := range map[string][2]string{
		"Connection names what Vary names": {ask("GET /", "X-Mode: a", "Connection: X-Mode"), ask("GET /", "X-Mode: a")},
		"in another case":                  {ask("GET /", "X-Mode: a", "Connection: close, x-mODE"), ask("GET /", "X-Mode: a")},
		"Connection names a language":      {ask("GET /", "Accept-Language: de", "Connection: accept-language"), ask("GET /", "Accept-Language: de")},
		"host in capitals":                 {"GET / HTTP/1.1\r\nHost: GOOD.test\r\nConnection: close\r\n\r\n", ask("GET /")},
		"host with the default port":       {"GET / HTTP/1.1\r\nHost: good.test:80\r\nConnection: close\r\n\r\n", ask("GET /")},
		"host with a dot":                  {"GET / HTTP/1.1\r\nHost: good.test.\r\nConnection: close\r\n\r\n", ask("GET /")},
		"absolute target with user":        {ask("GET http://evil@good.test/"), ask("GET /")},
		"absolute target, other scheme":    {ask("GET evil://good.test/"), ask("GET /")},
		"raw brackets":                     {ask("GET /<evil>"), ask("GET /%3Cevil%3E")},
		"X-Original-URL":                   {ask("GET /", "X-Original-URL: /evil"), ask("GET /")},
		"X-Rewrite-URL":                    {ask("GET /", "X-Rewrite-URL: /evil"), ask("GET /")},
		"X-Host":                           {ask("GET /", "X-Host: evil"), ask("GET /")},
		"X-Original-Host":                  {ask("GET /", "X-Original-Host: evil"), ask("GET /")},
		"X-Forwarded-Host":                 {ask("GET /", "X-Forwarded-Host: evil"), ask("GET /")},
		"X-Forwarded-Proto":                {ask("GET /", "X-Forwarded-Proto: evil"), ask("GET /")},
		"X-Forwarded-Scheme":               {ask("GET /", "X-Forwarded-Scheme: evil"), ask("GET /")},
		"X-Forwarded-Prefix":               {ask("GET /", "X-Forwarded-Prefix: /evil"), ask("GET /")},
		"X-Forwarded-Server":               {ask("GET /", "X-Forwarded-Server: evil"), ask("GET /")},
		"method override":                  {ask("GET /", "X-HTTP-Method-Override: EVIL"), ask("GET /")},
		"a fat GET":                        {"GET / HTTP/1.1\r\nHost: good.test\r\nContent-Length: 4\r\nConnection: close\r\n\r\nevil", ask("GET /")},
		"order of the query":               {ask("GET /?b=2&a=1"), ask("GET /?a=1&b=2")},
		"semicolons":                       {ask("GET /?a=1;b=2"), ask("GET /?a=1&b=2")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := func(answer string) string {
				_, text, _ := strings.Cut(answer, "\r\n\r\n")
				return text
			}
			want := body(newSite(t, careless).raw(seq[1]))
			s := newSite(t, careless)
			s.raw(seq[0])
			for range 2 {
				if got := body(s.raw(seq[1])); got != want {
					t.Fatalf("got\n%s\ninstead of\n%s", got, want)
				}
			}
		})
	}
}

// What an origin declares to belong to the connection is taken off on the way, but
// not what forbids to keep the answer.
func TestConnectionOfTheOriginHidesNothing(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"Cache-Control: private", "Cache-Control: no-store", "CDN-Cache-Control: no-store", "Vary: *", "Set-Cookie: evil=1", "Expires: 0"} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			name, value, _ := strings.Cut(field, ": ")
			s := newSite(t, numbered("Last-Modified", date(-1000000), "Connection", "X-Hop, "+name, name, value, "X-Hop", "1"))
			first, second := s.get("/"), s.get("/")
			if hit(second) || second.text == first.text {
				t.Fatalf("kept: %v", second.Header)
			}
			if first.Header.Get("X-Hop") != "" {
				t.Error("X-Hop went further than one hop")
			}
		})
	}
}

// brokenAnswers are what an origin should not say, or not to others.
var brokenAnswers = map[string]string{
	"less than announced":              "Content-Length: 10\r\n\r\nevil",
	"chunks without an end":            "Transfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n",
	"a chunk cut short":                "Transfer-Encoding: chunked\r\n\r\nff\r\nevil",
	"a length of a chunk that is none": "Transfer-Encoding: chunked\r\n\r\n4\r\nevil\r\nevil\r\n",
	"two lengths":                      "Content-Length: 4\r\nContent-Length: 5\r\n\r\nevil",
	"a list of lengths":                "Content-Length: 4, 5\r\n\r\nevil",
	"a negative length":                "Content-Length: -4\r\n\r\nevil",
	"a length with a sign":             "Content-Length: +4\r\n\r\nevil",
	"a length that overflows":          "Content-Length: 99999999999999999999\r\n\r\nevil",
	"a coding that nobody knows":       "Transfer-Encoding: evil\r\n\r\nevil",
	"two codings":                      "Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
	"a cookie in a trailer":            "Transfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n4\r\nevil\r\n0\r\nSet-Cookie: evil=1\r\n\r\n",
	"a cookie":                         "Set-Cookie: evil=1\r\nContent-Length: 4\r\n\r\nevil",
	"an empty cookie":                  "Set-Cookie:\r\nContent-Length: 4\r\n\r\nevil",
	"private":                          "Cache-Control: PRIVATE=\"\"\r\nContent-Length: 4\r\n\r\nevil",
	"private in a second line":         "Cache-Control: x\r\nCache-Control: private\r\nContent-Length: 4\r\n\r\nevil",
	"private after a semicolon":        "Cache-Control: max-age=60; private\r\nContent-Length: 4\r\n\r\nevil",
	"no-store in quotes":               "Cache-Control: \"no-store\"\r\nContent-Length: 4\r\n\r\nevil",
	"folded no-store":                  "Cache-Control:\r\n no-store\r\nContent-Length: 4\r\n\r\nevil",
	"Vary of all":                      "Vary: a, *\r\nContent-Length: 4\r\n\r\nevil",
	"Vary of nonsense":                 "Vary: a b\r\nContent-Length: 4\r\n\r\nevil",
	"an age beyond all":                "Age: 99999999999999999999\r\nContent-Length: 4\r\n\r\nevil",
	"a date of long ago":               "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 4\r\n\r\nevil",
	"many fields":                      strings.Repeat("X-Many: evil\r\n", 100) + "Content-Length: 4\r\n\r\nevil",
	"a long field":                     "X-Long: " + strings.Repeat("e", 20_000) + "\r\nContent-Length: 4\r\n\r\nevil",
	"an endless header":                "X-Long: " + strings.Repeat("e", 11<<20) + "\r\n\r\nevil",
	"a byte that no field has":         "X-Evil: a\x00b\r\nContent-Length: 4\r\n\r\nevil",
	"a return in a field":              "X-Evil: a\rSet-Cookie: evil=1\r\nContent-Length: 4\r\n\r\nevil",
	"a name with a space":              "X Evil: a\r\nContent-Length: 4\r\n\r\nevil",
	"events":                           "Content-Type: text/event-stream\r\nContent-Length: 4\r\n\r\nevil",
	"a nonce":                          "Content-Security-Policy: script-src 'nonce-evil'\r\nContent-Length: 4\r\n\r\nevil",
}

// What an origin breaks off, or says to one client only, is not what the next one
// gets.
func TestBrokenAnswersAreNotKept(t *testing.T) {
	t.Parallel()
	for name, head := range brokenAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSiteBefore(t, rawOrigin(t, func(c net.Conn, n int) {
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				text := "Content-Length: 5\r\n\r\nwhole"
				if n == 1 {
					text = head
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nConnection: close\r\n"+text)
			}))
			if first := s.raw(ask("GET /")); strings.Contains(first, "whole") {
				t.Fatalf("the origin was asked twice: %s", first)
			}
			if second := s.raw(ask("GET /")); !strings.HasSuffix(second, "whole") || strings.Contains(second, "evil") {
				t.Fatalf("the next client got\n%.2000s", second)
			}
		})
	}
}
