package fragment

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/metrics"
)

// Config is what [Fragments] are made of. Cache or Caches is required.
type Config struct {
	// Cache keeps the fragments. Defaults to the cache named "fragments" of
	// Caches, and if there is none to its default one.
	Cache *cache.Cache
	// Caches are those that templates can choose from with [Using].
	Caches *cache.Caches
	// LockTimeout is how long one render waits, in all, for other renders of
	// the fragments that it needs; then it renders them itself. Negative:
	// never. Defaults to 5 s.
	LockTimeout time.Duration
	// MaxWaiters is how many renders wait for one fragment; the others render
	// it themselves. Defaults to 1000.
	MaxWaiters int
	// Vary returns what every fragment of the site varies by, such as the
	// language and the tenant of the request, always in the same order. It
	// runs for every fragment. Defaults to nothing.
	Vary func(ctx context.Context) []string
	// StaleWhileRevalidate is for how long a fragment may still be shown when
	// its time to live is over, while one render, among all servers that share
	// the store, makes it anew; others do not wait for that render. What was
	// purged is never shown. A page that shows such a fragment is not kept, and
	// a fragment that encloses one is made of the new. Defaults to 0: nobody
	// sees anything older than its time to live, and others wait.
	StaleWhileRevalidate time.Duration
	// Live are the holes of fragments: places that every visitor sees with text
	// of his own, although the fragment is kept for all. The page cache around
	// needs the same. Defaults to none.
	Live *live.Set
	// Salt tells builds of the program apart, because templates call
	// functions whose changes no digest can see. Defaults to the build's
	// identity: module versions and revision, and for a build that these do
	// not describe in full the hash of the binary.
	Salt string
	// Logger gets failures of stores, at most one a second. Defaults to
	// discarding them.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// FragmentsCache is the name of the cache that keeps fragments, where
// Config.Caches has one of that name.
const FragmentsCache = "fragments"

const (
	defaultLockTimeout = 5 * time.Second
	defaultMaxWaiters  = 1000
)

// Fragments is the part of the package that knows no template engine: keys,
// lookup, locks and scopes. It is safe for concurrent use and holds nothing
// that has to be closed. A nil *Fragments caches nothing.
type Fragments struct {
	cfg     Config
	salt    string
	records *shelf
	locks   locks
	remote  bool // one of the caches is in another process
	// keepsStale: there may be entries whose time to live is over. Where others
	// share the store they may be configured in another way.
	keepsStale bool
	unshared   unshared
	variants   variants
	hot        hotKeys
	count      counters
	ranks      metrics.Ranking
	quiet      atomic.Int64 // unix second of the last logged failure

	mu      sync.RWMutex
	named   map[string]*shelf    // by Using
	writers map[string]*identity // by name
}

// New makes Fragments. It reads the program's binary once if Salt is empty and
// the build information does not identify the build.
func New(cfg Config) (*Fragments, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Fragments{cfg: cfg, salt: cfg.Salt, ranks: metrics.NewRanking(), named: map[string]*shelf{}, writers: map[string]*identity{}}
	f.hot.seed = maphash.MakeSeed()
	if f.records, err = newShelf(cfg.Cache, cfg.Live); err != nil {
		return nil, err
	}
	if f.remote, err = anyRemote(cfg); err != nil {
		return nil, err
	}
	f.keepsStale = f.remote || cfg.StaleWhileRevalidate > 0
	f.locks = locks{timeout: cfg.LockTimeout, maxWaiters: cfg.MaxWaiters, running: map[cache.Key]*flight{}}
	f.unshared.until = map[cache.Key]time.Time{}
	f.variants.names = map[cache.Key][]string{}
	return f, nil
}

func (cfg Config) withDefaults() (Config, error) {
	if cfg.Cache == nil {
		if cfg.Caches == nil {
			return cfg, errors.New("fragment: Config.Cache is nil: set the cache that keeps the fragments, or Caches")
		}
		cfg.Cache = cfg.Caches.Default()
		if named, err := cfg.Caches.Get(FragmentsCache); err == nil {
			cfg.Cache = named
		}
	}
	if cfg.MaxWaiters < 0 {
		return cfg, fmt.Errorf("fragment: Config.MaxWaiters is %d: give a positive number", cfg.MaxWaiters)
	}
	if cfg.StaleWhileRevalidate < 0 {
		return cfg, fmt.Errorf("fragment: Config.StaleWhileRevalidate is %v: give a positive duration, or 0", cfg.StaleWhileRevalidate)
	}
	if cfg.MaxWaiters == 0 {
		cfg.MaxWaiters = defaultMaxWaiters
	}
	if cfg.LockTimeout == 0 {
		cfg.LockTimeout = defaultLockTimeout
	}
	if cfg.Salt == "" {
		cfg.Salt = buildID()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg, nil
}

// storeFailed logs at most one failure a second: a store that is away fails
// thousands of times, and none of them fails a page.
func (f *Fragments) storeFailed(ctx context.Context, op string, err error) {
	f.count.errors.Add(1)
	now := f.cfg.Now().Unix()
	if last := f.quiet.Load(); last != now && f.quiet.CompareAndSwap(last, now) {
		f.cfg.Logger.WarnContext(ctx, "fragment: store failed, going on without", "op", op, "error", err)
	}
}
