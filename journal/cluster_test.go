package journal_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	redisstore "github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/journal"
)

// One node of a Cluster returns with an old dump. The others still have the
// markers that say that its rows were applied, and must not be believed.
func TestOneNodeOfAClusterGoesBack(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{Config: []string{`save ""`}})
	j := open(t, journal.Config{URL: testenv.Postgres(t).Database(t)})
	r, err := journal.NewReplayer(journal.ReplayerConfig{Journal: j, Prefix: prefix, TrustRestart: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	store, err := redisstore.New(t.Context(), redisstore.Config{URL: cluster.URL, SocketTimeout: time.Second, Verify: r.Verify})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	r.Attach(store)
	quotes, err := cache.New(cache.Config{Store: store, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	defer quotes.Close()
	answers := func() bool {
		_, _, err := store.Get(t.Context(), "app:ping")
		return err == nil
	}
	testenv.Eventually(t, testPatience, answers, "the store is verified")

	const n = 12
	for i := range n {
		if _, err := cache.Of[string](quotes).Set(t.Context(), fmt.Sprint("k", i), "x", cache.WithTags(fmt.Sprint("tag", i))); err != nil {
			t.Fatal(err)
		}
	}
	for _, node := range cluster.Nodes {
		command(t, node, "SAVE")
	}
	tags := numbered("tag", n)
	receipt := appendTags(t, j, tags...)
	if err := quotes.Tags().Purge(t.Context(), tags...); err != nil {
		t.Fatal(err)
	}
	j.Applied(t.Context(), receipt)
	end, err := j.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, testPatience, func() bool { return r.Position().Compare(end) >= 0 }, "the markers are there")

	for _, node := range cluster.Nodes {
		node.Kill()
		node.Restart()
		testenv.Eventually(t, testPatience, cluster.Ready, "the cluster is whole")
		testenv.Eventually(t, testPatience, func() bool {
			for i := range n {
				found, err := quotes.Has(t.Context(), fmt.Sprint("k", i))
				if found {
					t.Fatalf("the purge of tag%d was undone by the restart of %s", i, node.Addr)
				}
				if err != nil {
					return false
				}
			}
			return true
		}, "the store answers")
	}
	if r.Replays() == 0 {
		t.Error("nothing was applied again")
	}
}
