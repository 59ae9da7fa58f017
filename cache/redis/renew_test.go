package redis_test

import (
	"encoding/binary"
	"strconv"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// tokens returns n keys and tokens with the sequence number seq.
func tokens(n int, seq uint64) (keys []string, values [][]byte) {
	for i := range n {
		keys = append(keys, "t:"+strconv.Itoa(i))
		values = append(values, binary.BigEndian.AppendUint64([]byte("12345678"), seq))
	}
	return keys, values
}

func TestRenewIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	conn := admin(t, server)
	for round := range uint64(3) {
		keys, values := tokens(128, round)
		must(t, store.Renew(t.Context(), keys, values, cache.Forever))
		if got := get(t, store, "t:127"); got != string(values[127]) {
			t.Errorf("the token is %q", got)
		}
	}
	// The first time the server does not know the script.
	counts := calls(t, conn)
	if counts["evalsha"] != 3*128 || counts["eval"] != 128 || counts["set"] != 3*128 {
		t.Errorf("commands: %v", counts)
	}
}

// What is no string is no token.
func TestRenewReplacesOtherTypes(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	_, err := admin(t, server).Do("LPUSH", "t:0", "x")
	must(t, err)
	keys, values := tokens(1, 1)
	must(t, store.Renew(t.Context(), keys, values, cache.Forever))
	if got := get(t, store, "t:0"); got != string(values[0]) {
		t.Errorf("got %q", got)
	}
}

func TestRenewRefuses(t *testing.T) {
	t.Parallel()
	store := open(t, redis.Config{URL: testenv.Redis(t).URL, SocketTimeout: calm})
	keys, values := tokens(2, 1)
	if err := store.Renew(t.Context(), keys, values[:1], cache.Forever); err == nil {
		t.Error("a key without a token is taken")
	}
	if err := store.Renew(t.Context(), keys, [][]byte{values[0], []byte("short")}, cache.Forever); err == nil {
		t.Error("a token of five bytes is taken")
	}
	if got := get(t, store, keys[0]); got != "-" {
		t.Errorf("it was written: %q", got)
	}
}

// A server that was restarted does not know any script.
func TestScriptsAfterARestart(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{}) // keeps its data
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	for round := range int64(3) {
		if round > 0 {
			server.Kill()
			server.Restart()
			testenv.Eventually(t, patience, func() bool { return store.Ping(t.Context()) == nil }, "the server is back")
		}
		keys, values := tokens(3, uint64(round))
		must(t, store.Renew(t.Context(), keys, values, cache.Forever))
		sum, err := store.Incr(t.Context(), "n", 1, &cache.Initial{TTL: cache.Forever})
		must(t, err)
		text := []byte(strconv.FormatInt(sum, 10))
		swapped, err := store.Swap(t.Context(), "n", text, text, cache.Forever)
		must(t, err)
		if sum != round+1 || !swapped || get(t, store, keys[2]) != string(values[2]) {
			t.Errorf("round %d: sum %d, swapped %v", round, sum, swapped)
		}
	}
}
