package faultproxy_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testenv.Wrap(m)) }

// soon is longer than anything takes that is not held up on purpose.
const soon = 20 * time.Second

// echoServer sends everything back, until the test ends.
type echoServer struct {
	net.Listener
	work  sync.WaitGroup
	ended chan struct{} // receives one for each connection that has ended

	mu    sync.Mutex
	conns []net.Conn
}

func newEchoServer(t *testing.T, network, addr string) *echoServer {
	t.Helper()
	listener, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &echoServer{Listener: listener, ended: make(chan struct{}, 100)}
	s.work.Go(s.serve)
	t.Cleanup(s.stop)
	return s
}

func (s *echoServer) serve() {
	for {
		conn, err := s.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		s.work.Go(func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn)
			s.ended <- struct{}{}
		})
	}
}

// accepted is how many connections have come.
func (s *echoServer) accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *echoServer) stop() {
	_ = s.Close()
	s.mu.Lock()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
}

// dial connects to addr and closes the connection when the test ends.
func dial(t *testing.T, network, addr string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout(network, addr, soon)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// send writes text.
func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

// receive reads exactly want.
func receive(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(conn, got); err != nil {
		t.Fatalf("%v after %q; want %q", err, got[:n], want)
	}
	if string(got) != want {
		t.Fatalf("received %q; want %q", got, want)
	}
}

// roundTrip sends text and waits until it is back.
func roundTrip(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	send(t, conn, text)
	receive(t, conn, text)
}

// isReset checks that conn has been reset.
func isReset(t *testing.T, conn net.Conn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("read %d bytes, %v; want a reset", n, err)
	}
}

// isTurnedAway checks that who connects to addr is reset, at once or a moment
// later.
func isTurnedAway(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, soon)
	if errors.Is(err, syscall.ECONNRESET) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	isReset(t, conn)
}

// silent checks that nothing comes for a while.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Read(make([]byte, 1))
	if timeout, ok := err.(net.Error); n > 0 || !ok || !timeout.Timeout() {
		t.Fatalf("read %d bytes, %v; want silence", n, err)
	}
	if err := conn.SetDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
}
