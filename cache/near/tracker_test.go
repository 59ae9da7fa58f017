package near_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/cache/near"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestTrackerHearsOfWhatIsHeld(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	p := server.Prefix
	tier := track(t, server.URL, p, p+":nested")
	c := conn(t, server.URL)
	for _, row := range []struct {
		name, key string
		heard     bool
	}{
		{"value", p + ":1:v:k@g", true},
		{"value of another version", p + ":97:v:k@g", true},
		{"page", p + ":p:abc@g", true},
		{"fragment", p + ":f:abc@g", true},
		{"token", p + ":t:abc", true},
		{"sequence", p + ":t:seq", true},
		{"nested cache", p + ":nested:p:abc@g", true},
		{"nested cache's token", p + ":nested:t:abc", true},
		{"lock", p + ":l:abc", false},
		{"another cache", p + "x:p:abc@g", false},
		{"none of ours", p, false},
	} {
		hold(t, tier, row.key, row.name)
		do(t, c, "SET", row.key, "x")
		write(t, tier, c, p+":p:last")
		if has(tier, row.key) == row.heard {
			t.Errorf("%s: it is held: %v", row.name, !row.heard)
		}
	}
}

func TestTrackerHearsOfEveryChange(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	tier := track(t, server.URL, server.Prefix)
	c := conn(t, server.URL)
	key := server.Prefix + ":1:v:k@g"
	for _, command := range [][]any{
		{"SET", key, "1"}, {"INCR", key}, {"PEXPIRE", key, 100_000}, {"PERSIST", key}, {"APPEND", key, "0"},
		{"GETSET", key, "2"}, {"MSET", "x", "y", key, "3"}, {"UNLINK", key}, {"SET", key, "4", "NX"},
		{"EVAL", "return redis.call('SET', KEYS[1], '5')", 1, key}, {"DEL", key}, {"SET", key, "6", "PX", 1},
	} {
		hold(t, tier, key, 1)
		do(t, c, command[0].(string), command[1:]...)
		awaitMiss(t, tier, key)
	}
	epoch := tier.Epoch().Now()
	do(t, c, "INCR", server.Prefix+":t:seq")
	testenv.Eventually(t, patience, func() bool { return tier.Epoch().Now() != epoch }, "the epoch changes")
}

// A fill reads, somebody writes, the fill puts: in every order of the three and
// of the news, nothing out of date stays.
func TestFillsRaceWithRedis(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	tier := track(t, server.URL, server.Prefix)
	writer, reader := conn(t, server.URL), conn(t, server.URL)
	const keys = 4
	kept := 0
	for round := range raceRounds {
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range keys {
				_, err := writer.Do("SET", fmt.Sprint(server.Prefix, ":p:", i), round)
				if err != nil {
					t.Error(err)
				}
			}
		})
		for i := range keys {
			key := fmt.Sprint(server.Prefix, ":p:", i)
			stamp := tier.Stamp(key)
			value, err := redis.String(reader.Do("GET", key))
			if err != nil && err != redis.ErrNil {
				t.Error(err)
			}
			tier.Put(key, value, len(value), time.Hour, stamp)
		}
		wg.Wait()
		write(t, tier, writer, server.Prefix+":t:last")
		for i := range keys {
			got, found := tier.Get(fmt.Sprint(server.Prefix, ":p:", i))
			if found {
				kept++
			}
			if found && got != strconv.Itoa(round) {
				t.Fatalf("round %d: key %d is %v", round, i, got)
			}
		}
	}
	if kept == 0 || tier.Stats().Outrun == 0 {
		t.Errorf("%d fills were kept, %d refused: they did not race", kept, tier.Stats().Outrun)
	}
}

func TestTrackerConfigRefuses(t *testing.T) {
	t.Parallel()
	tier := open(t, near.Config{})
	for _, row := range []struct {
		name string
		cfg  near.TrackConfig
		text string
	}{
		{"no tier", near.TrackConfig{URL: "redis://h"}, "Tier is nil"},
		{"no URL", near.TrackConfig{Tier: tier}, "TrackConfig.URL"},
		{"silence", near.TrackConfig{URL: "redis://h", Tier: tier, Silence: time.Hour}, "Silence is 1h"},
		{"certificates", near.TrackConfig{URL: "redis://h", Tier: tier, CAFile: "x"}, "not encrypted"},
		{"empty prefix", near.TrackConfig{URL: "redis://h", Tier: tier, Prefixes: []string{""}}, "an empty one"},
		{"overlap with pages", near.TrackConfig{URL: "redis://h", Tier: tier, Prefixes: []string{"a", "a:p"}}, "rename one"},
		{"overlap with tokens", near.TrackConfig{URL: "redis://h", Tier: tier, Prefixes: []string{"a:t:x", "a"}}, `"a:t:x"`},
		{"overlap with values", near.TrackConfig{URL: "redis://h", Tier: tier, Prefixes: []string{"a", "b", "a:2"}}, "rename one"},
	} {
		tracker, err := near.Track(t.Context(), row.cfg)
		if err == nil {
			must(t, tracker.Close())
		}
		if err == nil || !strings.Contains(err.Error(), row.text) || !strings.HasPrefix(err.Error(), "near: ") {
			t.Errorf("%s: %v, want %q", row.name, err, row.text)
		}
	}
	if s := tier.Stats(); s.Down != nil {
		t.Errorf("the tier relies on %v", s.Down)
	}
}

// The same prefix twice, and prefixes of which one begins with the other, are in
// order as long as their keys differ.
func TestTrackerPrefixes(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	p := server.Prefix
	tier := open(t, near.Config{})
	startTracker(t, near.TrackConfig{URL: server.URL, Tier: tier, Prefixes: []string{p, p, p + ":b", p + ":pages", p + "2"}})
	awaitVerified(t, tier)
}

func TestTrackerClose(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	tier := open(t, near.Config{})
	tracker := startTracker(t, near.TrackConfig{URL: server.URL, Tier: tier})
	awaitVerified(t, tier)
	server.Stop()
	defer server.Cont()
	begin := time.Now()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { must(t, tracker.Close()) })
	}
	wg.Wait()
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("closing against a silent server takes %v", took)
	}
	if tier.Verified() {
		t.Error("the tier is verified")
	}
}

// A tier may get another tracker after the first, to the same server.
func TestTrackerAgain(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	tier := open(t, near.Config{})
	for range 3 {
		tracker := startTracker(t, near.TrackConfig{URL: server.URL, Tier: tier})
		awaitVerified(t, tier)
		must(t, tracker.Close())
	}
}

func TestTrackerWays(t *testing.T) {
	t.Parallel()
	certificates := testenv.NewCertificates(t)
	plain := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Password: "secret"})
	encrypted := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, TLS: certificates})
	for _, row := range []struct {
		name   string
		server *testenv.RedisServer
		cfg    near.TrackConfig
	}{
		{"unix socket", plain, near.TrackConfig{URL: "unix://:secret@" + plain.Socket + "?db=3"}},
		{"encrypted", encrypted, near.TrackConfig{
			URL: encrypted.URL, CAFile: certificates.CAFile, CertFile: certificates.ClientCertFile, KeyFile: certificates.ClientKeyFile,
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			tier := open(t, near.Config{})
			row.cfg.Tier = tier
			startTracker(t, row.cfg)
			awaitVerified(t, tier)
			hold(t, tier, "echoic:p:k", 1)
			_, err := row.server.Do("SET", "echoic:p:k", "x")
			must(t, err)
			awaitMiss(t, tier, "echoic:p:k")
		})
	}
}

// Two trackers of one tier are two feeds: it is verified when both listen.
func TestTrackersSideBySide(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	gone := testenv.RefusedAddr(t)
	tier := open(t, near.Config{Prefixes: []string{"a", "b"}})
	startTracker(t, near.TrackConfig{URL: server.URL, Tier: tier, Prefixes: []string{"a"}})
	awaitVerified(t, tier)
	startTracker(t, near.TrackConfig{URL: "redis://" + gone, Tier: tier, Prefixes: []string{"b"}})
	if tier.Verified() {
		t.Error("verified while one of two does not listen")
	}
}
