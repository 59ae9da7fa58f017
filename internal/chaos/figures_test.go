package chaos_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/chaos"
	"github.com/echoic-go/echoic/internal/testenv"
)

// figures are what the README says, with the command and the date. Times are in
// milliseconds.
type figures struct {
	Schema  string   `json:"schema"`
	Date    string   `json:"date"`
	Command string   `json:"command"`
	Seed    uint64   `json:"seed"`
	Lines   []figure `json:"figures"`
}

type figure struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (f *figures) add(name, format string, args ...any) {
	f.Lines = append(f.Lines, figure{name, fmt.Sprintf(format, args...)})
}

// TestFigures measures four figures. make figures takes as long as they need;
// the tests see that they can be measured.
func TestFigures(t *testing.T) {
	full := *durationFlag > 0
	f := &figures{Schema: "echoic-figures/1", Date: time.Now().UTC().Format(time.RFC3339), Command: command("figures"), Seed: seed(t)}
	clients, rounds, purges, servers := []int{100}, 2, 20, []int{2, 3}
	if full {
		clients, rounds, purges, servers = []int{100, 1000}, 20, 1000, []int{2, 3, 8}
	}
	t.Run("fan-in", func(t *testing.T) { f.fanIn(t, clients, rounds) })
	t.Run("killed", func(t *testing.T) { f.killed(t, max(shortestFault, *durationFlag/10)) })
	for _, n := range servers {
		t.Run(fmt.Sprintf("coherence of %d", n), func(t *testing.T) { f.coherence(t, n, purges) })
	}
	t.Run("fail-back", f.failBack)
	writeRun(t, f)
	var out strings.Builder
	fmt.Fprintf(&out, "%s, %s, seed %d\n\n| figure | value |\n|---|---|\n", f.Date, f.Command, f.Seed)
	for _, line := range f.Lines {
		fmt.Fprintf(&out, "| %s | %s |\n", line.Name, line.Value)
	}
	fmt.Fprint(os.Stderr, out.String())
}

// fanIn is how often a handler runs for a stampede on two servers.
func (f *figures) fanIn(t *testing.T, clients []int, rounds int) {
	world := chaos.New(t, chaos.Config{Redis: testenv.NewRedis(t, testenv.RedisConfig{})})
	for _, n := range clients {
		var all []int
		for round := range rounds {
			runs, failed, _ := world.Stampede(fmt.Sprintf("figure-%d-%d", n, round), n)
			if failed > 0 {
				t.Errorf("%d of %d clients got no page", failed, n)
			}
			all = append(all, runs)
		}
		slices.Sort(all)
		f.add(fmt.Sprintf("runs of the handler for %d clients at once, 2 servers", n), "median %d, most %d, of %d stampedes", all[len(all)/2], all[len(all)-1], rounds)
	}
}

// killed is how long pages take when Redis is killed under load.
func (f *figures) killed(t *testing.T, fault time.Duration) {
	rows, err := chaos.Choose("redis-killed")
	if err != nil {
		t.Fatal(err)
	}
	result := rows[0].Run(t, chaos.Options{Fault: fault, Rate: rate()})
	failed := 0
	for _, p := range result.Load {
		page := p.Classes["page"]
		failed += page.Failed + page.Unavailable
		f.add("cached pages, Redis killed: "+p.Name, "%d requests, p50 %.1f ms, p99 %.1f ms, longest %.1f ms", page.Requests, page.P50MS, page.P99MS, page.MaxMS)
	}
	f.add("cached pages that failed, Redis killed", "%d", failed)
}

// coherence is how long after the acknowledgement of a purge the last of n
// servers shows what is new.
func (f *figures) coherence(t *testing.T, n, purges int) {
	servers := stacks(t, testenv.NewRedis(t, testenv.RedisConfig{}), n, noBudget)
	truth := int64(0)
	read := func(s stack) int64 {
		value, err := s.values.GetOrSet(t.Context(), latencyKey, func(context.Context) (int64, error) { return truth, nil }, cache.WithTags(latencyKey))
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	var took []time.Duration
	for range purges {
		for _, s := range servers {
			for range 2 { // the second read is of its near tier
				read(s)
			}
		}
		truth++ // nobody loads meanwhile: all have it
		if err := servers[0].Cache.Purge(t.Context(), latencyKey); err != nil {
			t.Fatal(err)
		}
		acknowledged := time.Now()
		for _, s := range servers {
			for begun := time.Now(); read(s) != truth; {
				if time.Since(begun) > 20*time.Second {
					t.Fatal("a purge is not seen")
				}
			}
		}
		took = append(took, time.Since(acknowledged))
	}
	slices.Sort(took)
	f.add(fmt.Sprintf("until all of %d servers show what is new, from the acknowledged purge", n), "p50 %v, p99 %v, longest %v, of %d purges",
		round(took[len(took)/2]), round(took[len(took)*99/100]), round(took[len(took)-1]), purges)
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// failBack is how many reads are stale when Redis comes back with an old dump.
func (f *figures) failBack(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	world := chaos.New(t, chaos.Config{Redis: redis, Keys: 12, Bound: 200 * time.Millisecond})
	changeAfterDump(t, world, redis)
	redis.Kill()
	redis.Restart()
	readAll(t, world)
	world.AwaitRecovery()
	for range 5 {
		readAll(t, world)
	}
	world.KnockAll()
	count, _ := world.Oracle.Violations()
	f.add("stale reads after Redis came back with an old dump", "%d, of %d rows, values and sessions that were changed after it, read on both servers", count, 3*12)
	noViolations(t, world)
}
