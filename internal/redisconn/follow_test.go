package redisconn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/testenv"
)

// markAll is a VerifyFunc that writes down, at each server, which one it is.
func markAll(ctx context.Context, c rueidis.Client, servers []redisconn.Server) error {
	for _, s := range servers {
		if err := c.Do(ctx, c.B().Set().Key(s.Place+"trusted").Value(s.RunID).Build()).Error(); err != nil {
			return err
		}
	}
	return nil
}

// whoAndMark asks the server with the key who it is and whom it was verified as.
const whoAndMark = `return {redis.call('INFO', 'server'), redis.call('GET', KEYS[1])}`

// readMark fails the test if an unverified server answers.
func readMark(t testing.TB, link *redisconn.Link, place string) error {
	return link.Read(t.Context(), "mark", func(ctx context.Context, c rueidis.Client) error {
		answer, err := c.Do(ctx, c.B().Eval().Script(whoAndMark).Numkeys(1).Key(place+"trusted").Build()).ToArray()
		if err != nil {
			return err
		}
		info, _ := answer[0].ToString()
		mark, _ := answer[1].ToString()
		if id := runIDIn(info); id != mark {
			t.Errorf("the server %s answers, with the mark of %s", id, mark)
		}
		return nil
	})
}

// load keeps reading marks and writing, and watches how long calls take.
type load struct {
	t       testing.TB
	longest atomic.Int64
	gap     atomic.Int64 // the longest time without a write that succeeded
	stop    chan struct{}
	once    sync.Once
	done    sync.WaitGroup
}

// startLoad starts one reader and one writer a place.
func startLoad(t testing.TB, link *redisconn.Link, places ...string) *load {
	l := &load{t: t, stop: make(chan struct{})}
	t.Cleanup(l.halt) // before the link is closed, also when the test has failed
	for _, place := range places {
		l.done.Go(func() { l.repeat(func() error { return readMark(t, link, place) }, nil) })
		last := time.Now()
		l.done.Go(func() {
			defer func() { raise(&l.gap, time.Since(last)) }()
			l.repeat(func() error { return set(t.Context(), link, place+"k", "v") }, func(err error) {
				now := time.Now()
				if err == nil {
					raise(&l.gap, now.Sub(last))
					last = now
				}
			})
		})
	}
	return l
}

func (l *load) repeat(call func() error, note func(error)) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		watch := testenv.NewStopwatch()
		err := call()
		raise(&l.longest, watch.Took())
		if err != nil && l.t.Context().Err() == nil && !errors.Is(err, redisconn.ErrUnavailable) {
			l.t.Errorf("a call fails with %v", err)
		}
		if note != nil {
			note(err)
		}
		select {
		case <-tick.C:
		case <-l.stop:
			return
		}
	}
}

func raise(most *atomic.Int64, d time.Duration) {
	for {
		before := most.Load()
		if int64(d) <= before || most.CompareAndSwap(before, int64(d)) {
			return
		}
	}
}

func (l *load) halt() {
	l.once.Do(func() { close(l.stop) })
	l.done.Wait()
}

// end stops the load and returns the longest call and the longest time without a
// write.
func (l *load) end() (call, gap time.Duration) {
	l.halt()
	return time.Duration(l.longest.Load()), time.Duration(l.gap.Load())
}

// working waits until reads and writes succeed at all places.
func working(t testing.TB, link *redisconn.Link, places ...string) {
	t.Helper()
	testenv.Eventually(t, 3*patience, func() bool {
		return !slices.ContainsFunc(places, func(place string) bool {
			return readMark(t, link, place) != nil || set(t.Context(), link, place+"k", "v") != nil
		})
	}, "reads and writes succeed everywhere")
}

func placesOf(servers []redisconn.Server) (places []string) {
	for _, s := range servers {
		places = append(places, s.Place)
	}
	return places
}

func TestSentinelVerifiesNewPrimary(t *testing.T) {
	t.Parallel()
	s := testenv.NewSentinel(t, testenv.SentinelConfig{SentinelPassword: "watchers"})
	var v verifier
	var log logLines
	v.answer(markAll)
	link := openVerified(t, s.URL, redisconn.Policy{SentinelPassword: "watchers"}, &log, v.verify)
	working(t, link, "")
	want := redisconn.Server{RunID: runIDOf(t, s.Nodes[0]), Addr: s.Nodes[0].Addr}
	if n, last := v.times(), v.last(); n != 1 || len(last) != 1 || last[0] != want {
		t.Errorf("asked %d times, last about %+v, want %+v", n, last, want)
	}
	l := startLoad(t, link, "")
	s.Failover()
	testenv.Eventually(t, patience, func() bool { return v.times() == 2 }, "the new primary is verified")
	working(t, link, "")
	call, gap := l.end()
	t.Logf("graceful failover: longest call %v, longest time without a write %v", call, gap)
	if last := v.last(); len(last) != 1 || last[0].RunID != runIDOf(t, s.Nodes[1]) || last[0].Addr != s.Nodes[1].Addr {
		t.Errorf("asked about %+v, want %s", last, s.Nodes[1].Addr)
	}
}

func TestSentinelPrimaryGone(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		end  func(*testenv.RedisServer)
	}{{"killed", (*testenv.RedisServer).Kill}, {"stopped", (*testenv.RedisServer).Stop}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			const downAfter = 500 * time.Millisecond
			s := testenv.NewSentinel(t, testenv.SentinelConfig{DownAfter: downAfter})
			link := openVerified(t, s.URL, redisconn.Policy{}, &logLines{}, markAll)
			working(t, link, "")
			l := startLoad(t, link, "")
			row.end(s.Nodes[0])
			s.AwaitPrimaryOtherThan(s.Nodes[0].Addr)
			working(t, link, "")
			call, gap := l.end()
			t.Logf("primary %s: longest call %v, longest time without a write %v", row.name, call, gap)
			if call > longest+slack {
				t.Errorf("a call took %v, want at most %v", call, longest)
			}
		})
	}
}

// slack is what a busy machine adds, beside the time for which it does not let the
// test run.
const slack = 600 * time.Millisecond

func TestClusterVerifiesEachPrimary(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{Replicas: true})
	var v verifier
	v.answer(markAll)
	link := openVerified(t, cluster.URL, redisconn.Policy{}, &logLines{}, v.verify)
	testenv.Eventually(t, patience, func() bool { return v.times() == 1 }, "the primaries are verified")
	places := placesOf(v.last())
	if len(places) != 3 || slices.ContainsFunc(places, func(p string) bool { return !strings.HasPrefix(p, "{") }) {
		t.Fatalf("asked about %+v", v.last())
	}
	working(t, link, places...)
	for i, node := range cluster.Nodes[:3] {
		if !slices.ContainsFunc(v.last(), func(s redisconn.Server) bool { return s.Addr == node.Addr && s.RunID == runIDOf(t, node) }) {
			t.Errorf("node %d at %s is not in %+v", i, node.Addr, v.last())
		}
	}
	l := startLoad(t, link, places...)
	cluster.Failover(1) // to node 4
	testenv.Eventually(t, patience, func() bool { return v.times() == 2 }, "the new primary is verified")
	working(t, link, places...)
	testenv.Eventually(t, patience, func() bool {
		_, _ = cluster.Nodes[1].Do("CLUSTER", "FAILOVER") // and back, on connections that are still there
		return cluster.IsPrimary(1)
	}, "the old primary is back")
	testenv.Eventually(t, patience, func() bool { return v.times() == 3 }, "the old primary is verified again")
	working(t, link, places...)
	call, gap := l.end()
	pingPrimaries(t, cluster)
	t.Logf("failover and back: longest call %v, longest time without a write %v", call, gap)
	if call > longest+slack {
		t.Errorf("a call took %v, want at most %v", call, longest)
	}
}

// pingPrimaries: rueidis, which chooses a node by chance, never asks a replica.
func pingPrimaries(t *testing.T, cluster *testenv.Cluster) {
	// Replicas are listed when the nodes have told each other that they have data.
	testenv.Eventually(t, patience, func() bool {
		reply, err := cluster.Nodes[0].Do("CLUSTER", "SLOTS")
		must(t, err)
		return !slices.ContainsFunc(reply.([]any), func(r any) bool { return len(r.([]any)) < 4 })
	}, "the cluster lists its replicas")
	link := openVerified(t, cluster.URL, redisconn.Policy{ConnectTimeout: patience, SocketTimeout: patience}, &logLines{}, markAll)
	for range 50 {
		must(t, link.Ping(t.Context()))
	}
}

func TestClusterNodeGone(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		end  func(*testenv.RedisServer)
	}{{"killed", (*testenv.RedisServer).Kill}, {"stopped", (*testenv.RedisServer).Stop}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			cluster := testenv.NewCluster(t, testenv.ClusterConfig{Replicas: true})
			var v verifier
			v.answer(markAll)
			link := openVerified(t, cluster.URL, redisconn.Policy{}, &logLines{}, v.verify)
			testenv.Eventually(t, patience, func() bool { return v.times() == 1 }, "the primaries are verified")
			places := placesOf(v.last())
			working(t, link, places...)
			l := startLoad(t, link, places...)
			row.end(cluster.Nodes[2])
			begin := time.Now()
			testenv.Eventually(t, 2*patience, func() bool { return cluster.IsPrimary(5) }, "the replica takes over")
			over := time.Since(begin)
			working(t, link, places...)
			call, gap := l.end()
			t.Logf("node %s: the cluster failed over after %v; longest call %v, longest time without a write %v", row.name, over, call, gap)
			if call > longest+slack {
				t.Errorf("a call took %v, want at most %v", call, longest)
			}
		})
	}
}

// TestClusterResharded: a node that gets its first slot is verified before the keys
// that were moved there are read.
func TestClusterResharded(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{})
	var v verifier
	v.answer(markAll)
	link := openVerified(t, cluster.URL, redisconn.Policy{}, &logLines{}, v.verify)
	testenv.Eventually(t, patience, func() bool { return v.times() == 1 }, "the primaries are verified")
	places := placesOf(v.last())
	working(t, link, places...)
	l := startLoad(t, link, places...)
	added := cluster.AddPrimary()
	cluster.MoveSlot(0, 0, added) // the place of node 0
	working(t, link, places...)
	call, gap := l.end()
	t.Logf("resharded: longest call %v, longest time without a write %v", call, gap)
	if call > longest+slack {
		t.Errorf("a call took %v, want at most %v", call, longest)
	}
	if len(v.last()) != 4 || !slices.ContainsFunc(v.last(), func(s redisconn.Server) bool { return s.Addr == cluster.Nodes[added].Addr }) {
		t.Errorf("asked last about %+v, want four servers", v.last())
	}
}

// TestClusterRestartedNode: a node that comes back under its address is another
// process, and a connection that is merely lost is not.
func TestClusterRestartedNode(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{Config: []string{"cluster-require-full-coverage no"}})
	var v verifier
	v.answer(markAll)
	link := openVerified(t, cluster.URL, redisconn.Policy{}, &logLines{}, v.verify)
	testenv.Eventually(t, patience, func() bool { return v.times() == 1 }, "the primaries are verified")
	places := placesOf(v.last())
	working(t, link, places...)
	l := startLoad(t, link, places...)
	for range 3 {
		for _, node := range cluster.Nodes {
			_, err := node.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			must(t, err)
		}
		working(t, link, places...)
	}
	if n := v.times(); n != 1 {
		t.Errorf("asked %d times about servers that were there all the time", n)
	}
	cluster.Nodes[1].Kill()
	cluster.Nodes[1].Restart()
	working(t, link, places...)
	if n := v.times(); n < 2 {
		t.Error("the restarted node was not verified")
	}
	if id := runIDOf(t, cluster.Nodes[1]); !slices.ContainsFunc(v.last(), func(s redisconn.Server) bool { return s.RunID == id }) {
		t.Errorf("the run id %s is not in %+v", id, v.last())
	}
	call, _ := l.end()
	if call > longest+slack {
		t.Errorf("a call took %v, want at most %v", call, longest)
	}
}

// TestManyServersNotVerified: as long as the question is not answered, calls fail
// in time, and everything goes on afterwards.
func TestManyServersNotVerified(t *testing.T) {
	t.Parallel()
	s := testenv.NewSentinel(t, testenv.SentinelConfig{})
	var v verifier
	var log logLines
	v.answer(markAll)
	link := openVerified(t, s.URL, redisconn.Policy{}, &log, v.verify)
	working(t, link, "")
	v.answer(func(context.Context, rueidis.Client, []redisconn.Server) error { return errors.New("no journal") })
	s.Failover()
	testenv.Eventually(t, patience, func() bool {
		err := set(t.Context(), link, "k", "v")
		return err != nil && strings.Contains(err.Error(), "no journal")
	}, "calls fail because the new primary is not verified")
	for range 20 {
		within(t, longest, "a call", func() { unavailableWith(t, set(t.Context(), link, "k", "v"), ":", "no journal") })
	}
	v.answer(markAll)
	working(t, link, "")
	if away, back := log.count("redis: unavailable"), log.count("available again"); away != 1 || back != 1 {
		t.Errorf("%d and %d lines for one change and back: %q", away, back, fmt.Sprint(log.lines))
	}
}

func runIDOf(t testing.TB, server *testenv.RedisServer) string {
	t.Helper()
	info, err := server.Do("INFO", "server")
	must(t, err)
	return runIDIn(string(info.([]byte)))
}
