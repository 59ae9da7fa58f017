package faultproxy_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
)

// fixture is an echo server, a proxy before it, and one connection.
func fixture(t *testing.T) (*faultproxy.Proxy, *echoServer, net.Conn) {
	t.Helper()
	server := newEchoServer(t, "tcp", "127.0.0.1:0")
	proxy := faultproxy.ForTest(t, server.Addr().String())
	conn := dial(t, "tcp", proxy.Addr())
	roundTrip(t, conn, "hello")
	return proxy, server, conn
}

func TestLatency(t *testing.T) {
	t.Parallel()
	proxy, _, conn := fixture(t)
	proxy.Set(faultproxy.ToServer, faultproxy.Faults{Latency: 40 * time.Millisecond})
	proxy.Set(faultproxy.ToClient, faultproxy.Faults{Latency: 30 * time.Millisecond, Jitter: 30 * time.Millisecond})
	begin := time.Now()
	roundTrip(t, conn, "slow")
	if took := time.Since(begin); took < 70*time.Millisecond {
		t.Errorf("a round trip took %v; want at least 70ms", took)
	}
	// What is under way goes at once when the latency is taken away.
	proxy.Set(faultproxy.ToClient, faultproxy.Faults{Latency: time.Hour})
	send(t, conn, "late")
	silent(t, conn)
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	receive(t, conn, "late")
}

func TestLatencyDoesNotAddUp(t *testing.T) {
	t.Parallel()
	proxy, _, conn := fixture(t)
	proxy.Set(faultproxy.ToClient, faultproxy.Faults{Latency: 200 * time.Millisecond})
	begin := time.Now()
	tick := time.NewTicker(time.Millisecond) // so that they are chunks of their own
	defer tick.Stop()
	for range 30 {
		send(t, conn, "x")
		<-tick.C
	}
	receive(t, conn, strings.Repeat("x", 30))
	if took := time.Since(begin); took < 200*time.Millisecond || took > 4*time.Second {
		t.Errorf("30 pieces took %v; want little more than the latency of one", took)
	}
}

func TestPartition(t *testing.T) {
	t.Parallel()
	proxy, server, old := fixture(t)
	before := server.accepted()
	proxy.Partition()
	fresh := dial(t, "tcp", proxy.Addr())
	for _, conn := range []net.Conn{old, fresh} {
		send(t, conn, "lost")
		silent(t, conn)
	}
	if server.accepted() != before {
		t.Error("a new connection reached the server in spite of the partition")
	}
	if got := proxy.Stats().Swallowed[faultproxy.ToServer]; got != 8 {
		t.Errorf("%d bytes were swallowed; want 8", got)
	}
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	isReset(t, old)
	isReset(t, fresh)
	roundTrip(t, dial(t, "tcp", proxy.Addr()), "again")
}

func TestPartitionLeavesIdleConnectionsWhole(t *testing.T) {
	t.Parallel()
	proxy, _, conn := fixture(t)
	proxy.Partition()
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	roundTrip(t, conn, "nothing was lost")
}

func TestPartitionHidesTheEnd(t *testing.T) {
	t.Parallel()
	proxy, server, conn := fixture(t)
	proxy.Partition()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-server.ended:
		t.Error("the server heard of the end in spite of the partition")
	case <-time.After(100 * time.Millisecond):
	}
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	<-server.ended
	testenv.Eventually(t, soon, func() bool { return proxy.Stats().Active == 0 }, "the link ends with the partition")
}

func TestStallDelivers(t *testing.T) {
	t.Parallel()
	proxy, _, conn := fixture(t)
	proxy.SetBoth(faultproxy.Faults{Stall: true})
	fresh := dial(t, "tcp", proxy.Addr())
	for _, conn := range []net.Conn{conn, fresh} {
		send(t, conn, "kept")
		silent(t, conn)
	}
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	receive(t, conn, "kept")
	receive(t, fresh, "kept")
}

func TestCutAfter(t *testing.T) {
	t.Parallel()
	proxy, _, conn := fixture(t)
	proxy.Set(faultproxy.ToClient, faultproxy.Faults{CutAfter: 7})
	send(t, conn, "0123")
	receive(t, conn, "0123")
	send(t, conn, "456789")
	receive(t, conn, "456")
	isReset(t, conn)
	if got := proxy.Stats(); got.Cut != 1 || got.Resets != 1 {
		t.Errorf("stats %+v; want one cut", got)
	}
}

func TestSlice(t *testing.T) {
	t.Parallel()
	proxy, _, conn := fixture(t)
	proxy.Set(faultproxy.ToClient, faultproxy.Faults{Slice: 1, SlicePause: 2 * time.Millisecond})
	text := strings.Repeat("ab", 20)
	begin := time.Now()
	roundTrip(t, conn, text)
	if took := time.Since(begin); took < 70*time.Millisecond {
		t.Errorf("40 slices took %v; want at least 70ms", took)
	}
}

func TestBandwidth(t *testing.T) {
	t.Parallel()
	proxy, _, conn := fixture(t)
	proxy.Set(faultproxy.ToServer, faultproxy.Faults{Bandwidth: 100_000})
	begin := time.Now()
	roundTrip(t, conn, strings.Repeat("x", 20_000))
	if took := time.Since(begin); took < 140*time.Millisecond {
		t.Errorf("20,000 bytes took %v; want about 200ms", took)
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	proxy, _, old := fixture(t)
	proxy.Set(faultproxy.ToClient, faultproxy.Faults{Stall: true, Reach: faultproxy.Existing})
	fresh := dial(t, "tcp", proxy.Addr())
	roundTrip(t, fresh, "new")
	send(t, old, "old")
	silent(t, old)
	proxy.Set(faultproxy.ToClient, faultproxy.Faults{Stall: true, Reach: faultproxy.New})
	receive(t, old, "old")
	roundTrip(t, fresh, "old by now")
	newest := dial(t, "tcp", proxy.Addr())
	send(t, newest, "new")
	silent(t, newest)
}

func TestAMegabytePassesUnharmed(t *testing.T) {
	t.Parallel()
	proxy, _, conn := fixture(t)
	proxy.SetBoth(faultproxy.Faults{Slice: 1000, Latency: time.Millisecond, Jitter: 3 * time.Millisecond})
	want := make([]byte, 1<<20)
	for i := range want {
		want[i] = byte(i >> (i % 3))
	}
	go func() { _, _ = conn.Write(want) }()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%v, equal: %v", err, bytes.Equal(got, want))
	}
}
