package sim

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func small() Config {
	return Config{Servers: 8, Pages: 20_000, Requests: 100_000, Seed: 7}
}

func run(t *testing.T, cfg Config) *Result {
	t.Helper()
	r, err := Run(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSameSeedSameResult(t *testing.T) {
	t.Parallel()
	a, b := run(t, small()), run(t, small())
	if !reflect.DeepEqual(a, b) {
		t.Errorf("two runs of one seed differ:\n%+v\n%+v", a, b)
	}
	other := small()
	other.Seed++
	if c := run(t, other); c.NearHits == a.NearHits && c.Runs == a.Runs {
		t.Error("another seed makes no difference")
	}
}

func TestSumsAreRight(t *testing.T) {
	t.Parallel()
	r := run(t, small())
	if r.NearHits+r.RedisHits+r.Runs != r.Requests || r.Plain.Hits+r.Plain.Runs != r.Requests || r.Requests != 100_000 {
		t.Errorf("requests do not add up: %+v", r)
	}
	if r.Runs > r.Plain.Runs {
		t.Errorf("handlers ran %d times, %d with the plain cache", r.Runs, r.Plain.Runs)
	}
	if r.NearHits == 0 || r.RedisHits == 0 || r.Runs == 0 || r.Edits == 0 {
		t.Errorf("something never happens: %+v", r)
	}
	if most := r.Config.NearBytes / r.Config.PageBytes; r.HeldMost > most {
		t.Errorf("a server holds %d pages, and may hold %d", r.HeldMost, most)
	}
	if want := (r.Runs*fillWrites + r.Edits*purgeWrites) * r.Config.Servers; r.Messages != want {
		t.Errorf("%d messages; want %d", r.Messages, want)
	}
}

// With what one server gets as it is, and no edits, Redis works no more for a
// request when there are more servers: what one has made the others find.
func TestFlatAsServersGrow(t *testing.T) {
	t.Parallel()
	per := func(servers int) float64 {
		cfg := small()
		cfg.Servers, cfg.Requests, cfg.EditsPerRequest = servers, 40_000*servers, 1e-9
		r := run(t, cfg)
		return float64(r.Commands) / float64(r.Requests)
	}
	if few, many := per(2), per(16); many > few {
		t.Errorf("%.3f commands a request with 16 servers, %.3f with 2", many, few)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"servers": {Servers: -1}, "exponent": {Exponent: 1}, "near": {NearBytes: 1}, "rate": {Rate: -1}, "edits": {EditsPerRequest: -1},
	} {
		if _, err := Run(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The list behaves as the plainest one does.
func TestLRUAgainstModel(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	const capacity = 5
	l := newLRU(capacity)
	var model []uint32 // used last first
	use := func(page uint32) {
		model = slices.Insert(slices.DeleteFunc(model, func(p uint32) bool { return p == page }), 0, page)
		model = model[:min(len(model), capacity)]
	}
	for range 20_000 {
		page := uint32(random.IntN(12))
		_, _, ok := l.get(page)
		if want := slices.Contains(model, page); ok != want {
			t.Fatalf("page %d is there: %v; want %v", page, ok, want)
		}
		if ok {
			use(page)
		}
		if random.IntN(2) == 0 {
			l.put(page, 1, 1)
			use(page)
		}
	}
}
