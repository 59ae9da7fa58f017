package echoic

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/cache/failover"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/cache/near"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/session"
)

// monitor is what an App needs to describe itself.
type monitor struct {
	started  time.Time
	primary  *redis.Store    // nil without Redis
	table    *database.Store // the cache in the database, nil without
	fallback *database.Store // behind Redis, nil without
	sessions session.Store

	mu    sync.Mutex
	asked time.Time // when the stores were asked
	last  stores
}

// stores is what the stores said of themselves.
type stores struct {
	list     []console.Store
	keyspace *console.Keyspace
	sessions *console.SessionCount
	length   int
	problem  string // of the journal
}

const (
	// askEvery is how often at most the stores are asked, however many people
	// look.
	askEvery = 5 * time.Second
	// askTimeout bounds what they may take: a page is shown without those that
	// do not answer.
	askTimeout = 100 * time.Millisecond
	// mostCounted is as far as rows are counted.
	mostCounted = 100_000
	// samplePatience is how long keys are looked at for an estimate.
	samplePatience = 15 * time.Millisecond
)

// Overview returns how this server is: what its caches did since they were opened,
// and what the stores say of themselves, which may be some seconds old. It takes at
// most some 100 ms, however much is stored. It is what the console shows and the
// command line prints.
func (a *App) Overview(ctx context.Context) (console.Overview, error) {
	now := time.Now()
	return a.overview(now, a.askStores(ctx, now)), nil
}

// Counters returns what of an Overview this process knows by itself: no store is
// asked.
func (a *App) Counters() console.Overview {
	var known stores
	if a.monitor.primary != nil {
		known.list = append(known.list, console.Store{Role: "primary", Kind: string(Redis)})
	}
	for _, t := range a.tables() {
		known.list = append(known.list, console.Store{Role: t.role, Kind: string(a.Plan.Database)})
	}
	return a.overview(time.Now(), known)
}

func (a *App) overview(now time.Time, asked stores) console.Overview {
	host, _ := os.Hostname() // a server without a name has none
	o := console.Overview{
		Time: now, Started: a.monitor.started, Server: host, Version: moduleVersion(), Env: a.Config.Env, Prefix: a.Config.CachePrefix,
		Cache: string(a.Plan.Cache), Sessions: string(a.Plan.Sessions), Warnings: a.Plan.Warnings,
		Pages: pagesOf(a.Pages.Stats()), Values: console.Values(a.Cache.Stats()), Fragments: console.Fragments(a.Fragments.Stats()),
		Stores: a.withCalls(asked.list), Journal: a.journalOf(asked), Keyspace: asked.keyspace, Count: asked.sessions,
		Process: processOf(), Limiters: []console.Limiter{limiterOf(a.Limiter.Stats())},
	}
	if a.Near != nil {
		o.Near = nearOf(a.Near.Stats(), a.Config.CacheNearBytes)
	}
	if a.Failover != nil {
		o.Breaker = breakerOf(a.Failover.Stats())
	}
	return o
}

func pagesOf(s pagecache.Stats) console.Pages {
	p := console.Pages{
		Requests: s.Requests(), Waiting: s.Waiting, Hit: console.LatencyOf(s.Hit), Handler: console.LatencyOf(s.Handler),
		Hits: s.Outcomes[pagecache.OutcomeHit], Stale: s.Outcomes[pagecache.OutcomeStale], Collapsed: s.Outcomes[pagecache.OutcomeCollapsed],
		Misses: s.Outcomes[pagecache.OutcomeMiss], Bypassed: s.Outcomes[pagecache.OutcomeBypass], Refreshes: s.Outcomes[pagecache.OutcomeRefresh],
		Reasons: make(map[string]uint64, len(s.Reasons)), Kept: make(map[string]uint64, len(s.Kept)),
	}
	for why, n := range s.Reasons {
		p.Reasons[string(why)] = n
	}
	for why, n := range s.Kept {
		p.Kept[string(why)] = n
	}
	return p
}

func nearOf(s near.Stats, most int64) *console.Near {
	return &console.Near{
		Verified: s.Verified, Since: s.UnverifiedSince, Down: s.Down, Entries: s.Entries, Bytes: s.Bytes, MaxBytes: most,
		Hits: s.Hits, Misses: s.Misses, Invalidations: s.Invalidations, Evictions: s.Evictions, Eras: s.Eras, Outrun: s.Outrun,
	}
}

func breakerOf(s failover.Stats) *console.Breaker {
	return &console.Breaker{
		State: s.State.String(), Opened: s.Opened, Answered: s.Answered, Late: s.Late, Refused: s.Refused,
		Fallback: s.Fallback, Full: s.Full, Dirty: s.Dirty, PeersDegraded: s.PeersDegraded,
	}
}

func (a *App) journalOf(asked stores) console.Journal {
	s := a.Journal.Stats()
	return console.Journal{
		Durable: a.Journal.Durable(), Alive: a.Journal.Alive(), Silence: a.Journal.Lag(),
		Length: asked.length, AtLeast: asked.length == mostCounted, Problem: asked.problem,
		Heard: s.Delivered, Reads: s.Reads, Failures: s.Failures, Pruned: s.Pruned, Position: s.Position.String(), Delay: console.LatencyOf(s.Delay),
	}
}

func processOf() console.Process {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return console.Process{Goroutines: runtime.NumGoroutine(), HeapBytes: m.HeapAlloc, CPUs: runtime.GOMAXPROCS(0)}
}

// moduleVersion is the version of Echoic in this program.
var moduleVersion = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == "github.com/echoic-go/echoic" {
			return m.Version
		}
	}
	return ""
})

// askStores asks the stores about themselves, or returns what they said a moment
// ago. Several who ask at once wait for one answer.
func (a *App) askStores(ctx context.Context, now time.Time) stores {
	m := &a.monitor
	m.mu.Lock()
	defer m.mu.Unlock()
	if since := now.Sub(m.asked); since >= 0 && since < askEvery {
		return m.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	var answer stores
	var work sync.WaitGroup
	ask := func(f func()) { work.Go(f) }
	lists := make([][]console.Store, 3)
	ask(func() { lists[0] = a.askPrimary(ctx) })
	ask(func() { lists[1] = a.askTables(ctx) })
	ask(func() { answer.keyspace = a.sampleKeys(ctx) })
	ask(func() { answer.sessions = a.countSessions(ctx) })
	ask(func() {
		var err error
		if answer.length, err = a.Journal.Length(ctx, mostCounted); err != nil {
			answer.problem = problemOf(err)
		}
	})
	work.Wait()
	if a.Plan.Sessions == Redis && answer.keyspace != nil {
		answer.sessions = &console.SessionCount{Sessions: answer.keyspace.Kinds["session"], Estimate: !answer.keyspace.Exact}
	}
	if store, ok := a.Cache.Store().(*memory.Store); ok {
		lists[2] = []console.Store{memoryStore(store, a.Config)}
	}
	for _, list := range lists {
		answer.list = append(answer.list, list...)
	}
	m.last, m.asked = answer, now
	return answer
}

// problemOf is an error for a page.
func problemOf(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "it did not answer within " + askTimeout.String()
	}
	return err.Error()
}

func memoryStore(store *memory.Store, cfg Config) console.Store {
	return console.Store{
		Role: "cache", Kind: string(Memory), OK: true, Entries: int64(store.Len()), Bytes: store.Bytes(), MaxBytes: cfg.CacheMaxBytes,
		Policy: "W-TinyLFU", Evicted: store.Evictions(),
	}
}

// askPrimary asks Redis: one entry for each server.
func (a *App) askPrimary(ctx context.Context) []console.Store {
	if a.monitor.primary == nil {
		return nil
	}
	infos, err := a.monitor.primary.Info(ctx)
	if err != nil {
		return []console.Store{{Role: "primary", Kind: string(Redis), Addr: a.monitor.primary.Addr(), Problem: problemOf(err)}}
	}
	list := make([]console.Store, 0, len(infos))
	for _, info := range infos {
		addr := info.Addr
		if addr == "" {
			addr = a.monitor.primary.Addr()
		}
		list = append(list, console.Store{
			Role: "primary", Kind: string(Redis), Addr: addr, Version: info.Version, OK: true, Entries: info.Keys,
			Bytes: info.UsedBytes, MaxBytes: info.MaxBytes, Policy: info.Policy, Evicted: info.Evicted,
		})
	}
	return list
}

// askTables asks the tables of values in the database.
func (a *App) askTables(ctx context.Context) (list []console.Store) {
	for _, t := range a.tables() {
		n, err := t.store.Rows(ctx, mostCounted)
		s := console.Store{Role: t.role, Kind: string(a.Plan.Database), OK: err == nil, Entries: int64(n), AtLeast: n == mostCounted, Policy: "least recently written"}
		if err != nil {
			s.Problem = problemOf(err)
		}
		list = append(list, s)
	}
	return list
}

type roleTable struct {
	role  string
	store *database.Store
}

func (a *App) tables() (list []roleTable) {
	if a.monitor.table != nil {
		list = append(list, roleTable{"cache", a.monitor.table})
	}
	if a.monitor.fallback != nil {
		list = append(list, roleTable{"fallback", a.monitor.fallback})
	}
	return list
}

// withCalls adds what this process knows of its calls, as of now. The servers of a
// Cluster share theirs.
func (a *App) withCalls(list []console.Store) []console.Store {
	list = append([]console.Store(nil), list...)
	for i := range list {
		s := &list[i]
		if s.Kind == string(Redis) {
			stats := a.monitor.primary.Stats()
			s.Calls, s.Errors = console.LatencyOf(stats.Calls), stats.Errors
			continue
		}
		for _, t := range a.tables() {
			if t.role == s.Role {
				stats := t.store.Stats()
				s.Calls, s.Errors = console.LatencyOf(stats.Calls), stats.Errors
			}
		}
	}
	return list
}

// sampleKeys estimates what Redis holds from those of its keys that can be looked
// at in a moment.
func (a *App) sampleKeys(ctx context.Context) *console.Keyspace {
	if a.monitor.primary == nil {
		return nil
	}
	counts := map[string]int64{}
	k := &console.Keyspace{Kinds: map[string]int64{}}
	all, err := a.monitor.primary.Browse(ctx, "", samplePatience, func(key string) bool {
		counts[a.kindOf(key)]++
		k.Sample++
		return true
	})
	if err != nil {
		return nil // the store says why
	}
	k.Exact, k.Total = all, int64(k.Sample)
	if infos, err := a.monitor.primary.Info(ctx); err == nil && !all {
		k.Total = 0
		for _, info := range infos {
			k.Total += info.Keys
		}
	}
	for kind, n := range counts {
		if k.Kinds[kind] = n; !all && k.Sample > 0 {
			k.Kinds[kind] = int64(float64(n) / float64(k.Sample) * float64(k.Total))
		}
	}
	return k
}

// kindOf sorts a key of Redis.
func (a *App) kindOf(key string) string {
	rest, own := strings.CutPrefix(key, a.Config.CachePrefix+":")
	if !own {
		if strings.HasPrefix(key, a.Plan.SessionPrefix) {
			return "session"
		}
		return "other"
	}
	switch head, rest, _ := strings.Cut(rest, ":"); {
	case head == "p":
		return "page"
	case head == "f":
		return "fragment"
	case head == "t":
		return "tag"
	case strings.HasPrefix(rest, "v:"):
		return "value"
	}
	return "control"
}

// countSessions counts the sessions in a database, as far as it comes in a moment.
// Those in Redis are estimated from a sample of all keys.
func (a *App) countSessions(ctx context.Context) *console.SessionCount {
	lister, ok := a.monitor.sessions.(session.Lister)
	if !ok || a.Plan.Sessions == Redis {
		return nil
	}
	end := time.Now().Add(samplePatience)
	count := &console.SessionCount{}
	for _, err := range lister.Each(ctx) {
		if err != nil {
			count.Problem, count.AtLeast = problemOf(err), true
			break
		}
		count.Sessions++
		if count.Sessions%256 == 0 && time.Now().After(end) {
			count.AtLeast = true
			break
		}
	}
	return count
}
