package faultproxy_test

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestAdmission(t *testing.T) {
	t.Parallel()
	proxy, server, old := fixture(t)
	for range 3 { // back and forth: the port stays the proxy's
		if err := proxy.Admit(faultproxy.Refuse); err != nil {
			t.Fatal(err)
		}
		if conn, err := net.DialTimeout("tcp", proxy.Addr(), soon); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("dialled %v, %v; want to be refused", conn, err)
		}
		roundTrip(t, old, "open connections stay")
		if err := proxy.Admit(faultproxy.Everybody); err != nil {
			t.Fatal(err)
		}
		roundTrip(t, dial(t, "tcp", proxy.Addr()), "let in")
	}
	if err := proxy.Admit(faultproxy.Reset); err != nil {
		t.Fatal(err)
	}
	before := server.accepted()
	isTurnedAway(t, proxy.Addr())
	if got := server.accepted(); got != before {
		t.Errorf("%d connections came through", got-before)
	}
}

func TestResetOpenConnections(t *testing.T) {
	t.Parallel()
	proxy, _, conn := fixture(t)
	if n := proxy.Reset(); n != 1 {
		t.Errorf("%d connections were reset; want 1", n)
	}
	isReset(t, conn)
	roundTrip(t, dial(t, "tcp", proxy.Addr()), "new ones work")
}

func TestNobodyBehind(t *testing.T) {
	t.Parallel()
	proxy := faultproxy.ForTest(t, testenv.RefusedAddr(t))
	isTurnedAway(t, proxy.Addr())
	if got := proxy.Stats(); got.DialFailed != 1 {
		t.Errorf("stats %+v; want one failed dial", got)
	}
}

func TestMaxConns(t *testing.T) {
	t.Parallel()
	server := newEchoServer(t, "tcp", "127.0.0.1:0")
	proxy, err := faultproxy.Start(faultproxy.Config{Target: server.Addr().String(), MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	roundTrip(t, dial(t, "tcp", proxy.Addr()), "first")
	isTurnedAway(t, proxy.Addr())
}

func TestHalfClose(t *testing.T) {
	t.Parallel()
	proxy, _, conn := fixture(t)
	send(t, conn, "last words")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(conn)
	if err != nil || string(rest) != "last words" {
		t.Errorf("received %q, %v", rest, err)
	}
	testenv.Eventually(t, soon, func() bool { return proxy.Stats().Active == 0 }, "the link ends when both sides have")
}

func TestUnixSockets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newEchoServer(t, "unix", filepath.Join(dir, "server"))
	proxy, err := faultproxy.Start(faultproxy.Config{Target: "unix:" + filepath.Join(dir, "server"), Listen: "unix:" + filepath.Join(dir, "proxy")})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	roundTrip(t, dial(t, "unix", proxy.Addr()), "hello")
	if err := proxy.Admit(faultproxy.Refuse); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("unix", proxy.Addr()); err == nil {
		t.Error("dialled in spite of Refuse")
	}
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	roundTrip(t, dial(t, "unix", proxy.Addr()), "again")
}

func TestCloseInEveryState(t *testing.T) {
	t.Parallel()
	states := map[string]func(p *faultproxy.Proxy){
		"no faults": func(*faultproxy.Proxy) {},
		"partition": (*faultproxy.Proxy).Partition,
		"stall":     func(p *faultproxy.Proxy) { p.SetBoth(faultproxy.Faults{Stall: true}) },
		"latency":   func(p *faultproxy.Proxy) { p.SetBoth(faultproxy.Faults{Latency: time.Hour}) },
		"slices":    func(p *faultproxy.Proxy) { p.SetBoth(faultproxy.Faults{Slice: 1, SlicePause: time.Hour}) },
		"refuse":    func(p *faultproxy.Proxy) { _ = p.Admit(faultproxy.Refuse) },
	}
	for name, enter := range states {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, _, conn := fixture(t)
			enter(proxy)
			send(t, conn, "under way")
			for range 2 {
				if err := proxy.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if got := proxy.Stats().Active; got != 0 {
				t.Errorf("%d links after Close", got)
			}
			if err := proxy.Admit(faultproxy.Everybody); err == nil {
				t.Error("a closed proxy admits")
			}
		})
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := faultproxy.Start(faultproxy.Config{}); err == nil {
		t.Error("started without a target")
	}
}

func TestBeforeRedis(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	proxy := faultproxy.ForTest(t, server.Addr)
	open := func() redis.Conn {
		conn, err := redis.Dial("tcp", proxy.Addr(), redis.DialPassword(server.Password), redis.DialDatabase(server.DB),
			redis.DialConnectTimeout(soon), redis.DialReadTimeout(soon), redis.DialWriteTimeout(soon))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	conn := open()
	if _, err := conn.Do("SET", server.Prefix, "0123456789"); err != nil {
		t.Fatal(err)
	}
	proxy.Set(faultproxy.ToClient, faultproxy.Faults{Slice: 1, SlicePause: time.Millisecond})
	if got, err := redis.String(conn.Do("GET", server.Prefix)); err != nil || got != "0123456789" {
		t.Errorf("%q, %v through slices of one byte", got, err)
	}
	proxy.Set(faultproxy.ToClient, faultproxy.Faults{CutAfter: 8}) // "$10\r\n012"
	if got, err := redis.String(conn.Do("GET", server.Prefix)); err == nil {
		t.Errorf("%q although the reply was cut", got)
	}
	proxy.Partition()
	if _, err := redis.Dial("tcp", proxy.Addr(), redis.DialPassword(server.Password), redis.DialReadTimeout(50*time.Millisecond)); err == nil {
		t.Error("logged in through a partition")
	}
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	if got, err := redis.String(open().Do("GET", server.Prefix)); err != nil || got != "0123456789" {
		t.Errorf("%q, %v after the partition", got, err)
	}
}
