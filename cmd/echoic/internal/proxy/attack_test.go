package proxy_test

import (
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
