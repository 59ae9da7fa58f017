package redis_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// tries all that a Verifier may do with its store.
func useAll(ctx context.Context, s cache.Store) error {
	counter, many, renewer := s.(cache.Counter), s.(cache.ManyStore), s.(cache.Renewer)
	_, incrErr := counter.Incr(ctx, "seq", 1, &cache.Initial{Value: 41, TTL: cache.Forever})
	_, setErr := many.SetMany(ctx, []cache.Item{{Key: "a", Value: []byte("1"), TTL: time.Hour}, {Key: "b", Value: []byte("2"), TTL: time.Hour}})
	values, getErr := many.GetMany(ctx, []string{"b", "none", "a"})
	renewErr := renewer.Renew(ctx, []string{"t1", "t2"}, [][]byte{[]byte("12345678aaaaaaaa"), []byte("12345678bbbbbbbb")}, cache.Forever)
	_, swapErr := s.(cache.Swapper).Swap(ctx, "a", []byte("1"), []byte("3"), time.Hour)
	_, touchErr := s.(cache.Expirer).Touch(ctx, "a", time.Hour)
	_, deleteErr := s.Delete(ctx, "b", "none")
	found := 0
	for _, err := range s.(cache.Lister).Keys(ctx, "t") {
		if err != nil {
			return err
		}
		found++
	}
	if err := errors.Join(incrErr, setErr, getErr, renewErr, swapErr, touchErr, deleteErr); err != nil {
		return err
	}
	if found != 2 || len(values) != 3 || string(values[0]) != "2" || values[1] != nil {
		return errors.New("the view reads other values than it has written")
	}
	return s.Close() // does nothing
}

func TestVerifierComesFirst(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		url  func(t *testing.T) string
	}{
		{"standalone", func(t *testing.T) string { return testenv.NewRedis(t, testenv.RedisConfig{InMemory: true}).URL }},
		{"cluster", func(t *testing.T) string { return newCluster(t) + "/2" }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			begun := make(chan []cache.Incarnation, 1)
			store := open(t, redis.Config{URL: row.url(t), SocketTimeout: time.Second, Verify: func(ctx context.Context, s cache.Store, servers []cache.Incarnation) error {
				begun <- servers
				<-release
				return useAll(ctx, s)
			}})
			servers := <-begun
			if len(servers) == 0 || slices.ContainsFunc(servers, func(s cache.Incarnation) bool { return len(s.RunID) < 20 }) {
				t.Errorf("servers: %+v", servers)
			}
			_, _, err := store.Get(t.Context(), "a")
			if !errors.Is(err, cache.ErrDegraded) {
				t.Errorf("Get while the server is verified: %v", err)
			}
			if err := store.Health(t.Context()); !errors.Is(err, cache.ErrDegraded) {
				t.Errorf("Health while the server is verified: %v", err)
			}
			close(release)
			testenv.Eventually(t, patience, func() bool { return store.Health(t.Context()) == nil }, "the store is open")
			for key, want := range map[string]string{"a": "3", "b": "-", "seq": "42", "t2": "12345678bbbbbbbb"} {
				if got := get(t, store, key); got != want {
					t.Errorf("%s is %q, want %q", key, got, want)
				}
			}
		})
	}
}

// A server that has restarted is another incarnation.
func TestVerifierIsAskedAgain(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	var mu sync.Mutex
	var seen []string
	refuse := true
	store := open(t, redis.Config{URL: server.URL, Verify: func(ctx context.Context, s cache.Store, servers []cache.Incarnation) error {
		mu.Lock()
		defer mu.Unlock()
		if len(servers) != 1 || servers[0].Place != "" {
			t.Errorf("servers: %+v", servers)
		}
		seen = append(seen, servers[0].RunID)
		if refuse {
			return errors.New("the journal is away")
		}
		_, err := s.Set(ctx, "k", []byte("verified"), cache.Forever, cache.Always)
		return err
	}})
	testenv.Eventually(t, patience, func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) >= 2 }, "the Verifier is asked again after its error")
	_, _, err := store.Get(t.Context(), "k")
	degraded(t, "Get", err, server.Addr)
	mu.Lock()
	refuse = false
	mu.Unlock()
	ready := func() bool { return store.Ping(t.Context()) == nil }
	testenv.Eventually(t, patience, ready, "the store is open")
	server.Kill()
	server.Restart()
	testenv.Eventually(t, patience, func() bool {
		value, found, err := store.Get(t.Context(), "k")
		if err == nil && (!found || string(value) != "verified") {
			t.Fatalf("Get = %q, %v before the new server was verified", value, found)
		}
		return err == nil
	}, "the store is open again")
	mu.Lock()
	defer mu.Unlock()
	if first, last := seen[0], seen[len(seen)-1]; first == last {
		t.Errorf("the same run of the server: %q", seen)
	}
}

// What the Verifier has started and not waited for does not hang.
func TestViewOfAVerifierEnds(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	views := make(chan cache.Store, 1)
	store := open(t, redis.Config{URL: server.URL, Verify: func(ctx context.Context, s cache.Store, _ []cache.Incarnation) error {
		select {
		case views <- s:
		default:
		}
		return nil
	}})
	must(t, store.Ping(t.Context()))
	view := <-views
	server.Stop()
	defer server.Cont()
	watch := testenv.NewStopwatch()
	_, _, err := view.Get(t.Context(), "k")
	degraded(t, "Get", err, server.Addr)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := view.Delete(ctx, "k"); !errors.Is(err, context.Canceled) || errors.Is(err, cache.ErrDegraded) {
		t.Errorf("Delete: %v, want that it was cancelled", err)
	}
	if took := watch.Took(); took > longest {
		t.Errorf("took %v", took)
	}
}
