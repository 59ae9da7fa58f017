package threats_test

import (
	"bytes"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"
)

// rawTime bounds one conversation.
const rawTime = 300 * time.Millisecond

// FuzzRawRequest writes bytes to a running server, as anybody can: no answer
// shows a user's own page, and what other visitors get is unspoiled.
func FuzzRawRequest(f *testing.F) {
	for _, seed := range []string{
		"GET /public/1 HTTP/1.1\r\nHost: site.test\r\nX-Forwarded-Host: evil.test\r\n\r\n",
		"GET http://site.test/public/1 HTTP/1.1\r\nHost: evil.test\r\nCookie: evil=1\r\n\r\n",
		"GET /public/1 HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /mine HTTP/1.1\r\n\r\n",
		"GET /public/../mine HTTP/1.1\r\nHost: site.test\r\n\r\n",
		"GET /public/1%00 HTTP/1.1\r\nHost: site.test\r\nForwarded: host=evil\r\n\r\n",
		"POST /public/1 HTTP/1.1\r\nHost: site.test\r\nX-HTTP-Method-Override: GET\r\nContent-Length: 3\r\n\r\na=1",
		"GET /mine/x.css HTTP/1.1\r\nHost: site.test\r\nAuthorization: Bearer x\r\n\r\n",
		"HEAD /name HTTP/1.1\r\nHost: site.test\r\nCookie: session=AAAA\r\nRange: bytes=0-1\r\n\r\n",
		"PURGE /public/1 HTTP/1.1\r\nHost: site.test\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	s := newSite(f)
	server := httptest.NewServer(s)
	f.Cleanup(server.Close)
	mine := s.login(f, "alice", "")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 64<<10 {
			return
		}
		// A user looks at her own page: what she gets is in no cache.
		if _, body, _ := s.ask("GET", "/mine", mine); body != canary+"alice" {
			t.Fatalf("alice got %q", body)
		}
		if answer := converse(t, server.Listener.Addr().String(), raw); bytes.Contains(answer, []byte(canary+"alice")) {
			t.Fatalf("a stranger was shown alice's page:\n%s", answer)
		}
		s.unspoiled(t)
	})
}

// converse writes raw and returns all that comes back.
func converse(t *testing.T, addr string, raw []byte) []byte {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(rawTime)); err != nil {
		t.Fatal(err)
	}
	// The server may have closed the connection already.
	if _, err := conn.Write(raw); err == nil {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	answer, _ := io.ReadAll(io.LimitReader(conn, 1<<20))
	return answer
}
