package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/metrics"
)

// Cache keeps values under readable keys, with versions, lifetimes and tags, in
// any [Store]. Typed access is through [Of]; Cache itself has what does not
// depend on a type. It is safe for concurrent use.
type Cache struct {
	cfg     Config
	store   Store // Config.Store behind the near tier, if there is one
	near    Near  // or nil, and then so is nearEpoch
	tags    *Tags
	values  generation // of plain values
	records generation // of pages and fragments
	journal journaling
	count   counters
	ranks   metrics.Ranking

	prefixed  string // valuePrefix of Config.Version
	clearOwed atomic.Uint32
	nearEpoch *Epoch
	names     sync.Pool // of *[]byte, in which physical keys are built

	flights flights
	quiet   atomic.Int64 // unix seconds of the last logged store failure
	orphans atomic.Int64 // leases of which it is unknown whether they are held

	life   context.Context // ends with Close
	cancel context.CancelFunc
	mu     sync.Mutex // guards closed and sweeping
	closed bool
	sweep  chan struct{} // buffered by one: a sweep is wanted
	work   sync.WaitGroup
}

// New makes a cache. Close it before the store.
func New(cfg Config) (*Cache, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.Tags == nil {
		cfg.Tags, err = NewTags(TagsConfig{
			Store: cfg.Store, Prefix: cfg.Prefix, Near: cfg.Near, Journal: cfg.Journal, JournalLast: cfg.JournalLast, Logger: cfg.Logger, Now: cfg.Now,
		})
		if err != nil {
			return nil, err
		}
	}
	store, err := behindNear(cfg.Store, cfg.Near, cfg.Prefix)
	if err != nil {
		return nil, err
	}
	c := &Cache{
		cfg: cfg, store: store, near: cfg.Near, tags: cfg.Tags, ranks: metrics.NewRanking(), sweep: make(chan struct{}, 1),
		journal: journaling{journal: cfg.Journal, last: cfg.JournalLast, log: cfg.Logger},
	}
	c.prefixed = c.valuePrefix(cfg.Version)
	if cfg.Near != nil {
		c.nearEpoch = cfg.Near.Epoch()
	}
	for gen, key := range map[*generation]string{&c.values: valuesGenerationKey(cfg.Prefix), &c.records: pagesGenerationKey(cfg.Prefix)} {
		gen.store, gen.shared, gen.near, gen.key = store, cfg.Store, cfg.Near, key
	}
	if local, ok := cfg.Store.(ObjectStore); ok {
		c.values.epoch, c.records.epoch = local.PurgeEpoch(), local.PurgeEpoch()
	}
	c.life, c.cancel = context.WithCancel(context.Background())
	c.work.Go(c.sweeper)
	return c, nil
}

// Close stops the cache's own work, loaders included, and waits for it. Calls
// after it return ErrClosed. It does not close the store. It is idempotent.
func (c *Cache) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.work.Wait()
	return nil
}

// Prefix returns the first part of the cache's keys.
func (c *Cache) Prefix() string { return c.cfg.Prefix }

// DefaultTTL returns the time to live of values for which none is given.
func (c *Cache) DefaultTTL() time.Duration { return c.cfg.TTL }

// Tags returns the domain of tags that the cache uses.
func (c *Cache) Tags() *Tags { return c.tags }

// Store returns the store under the cache, for checks and monitoring.
func (c *Cache) Store() Store { return c.cfg.Store }

// Purge makes every value, fragment and page that carries one of the tags miss,
// in all caches that share the domain of tags. A purge that neither journal nor
// store has is ErrDegraded, also under IgnoreErrors.
func (c *Cache) Purge(ctx context.Context, tags ...string) error {
	if err := c.open(); err != nil {
		return err
	}
	return c.degraded(ctx, "purge", c.tags.Purge(ctx, tags...))
}

// open returns ErrClosed after Close.
func (c *Cache) open() error {
	if c.life.Err() != nil {
		return fmt.Errorf("cache %q: %w", c.cfg.Prefix, ErrClosed)
	}
	return nil
}

// start runs f in a goroutine that Close waits for, unless the cache is closed.
func (c *Cache) start(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.work.Go(f)
	return true
}

// verdict applies the error policy to what a store returned: the one place
// where failures are hidden. What the caller did wrong is never hidden.
func (c *Cache) verdict(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	for _, own := range [...]error{ErrNotFound, ErrNotInteger, ErrOverflow, ErrTaggedCounter, ErrUnsupported, ErrInvalidKey, ErrTooLarge} {
		if errors.Is(err, own) {
			return err
		}
	}
	c.count.errors.Add(1)
	if !c.cfg.IgnoreErrors {
		return fmt.Errorf("cache: %s: %w", op, err)
	}
	c.logFailure(ctx, op, err)
	return nil
}

// degraded is verdict for calls whose result would be a lie without the store.
func (c *Cache) degraded(ctx context.Context, op string, err error) error {
	hidden := c.verdict(ctx, op, err)
	if err != nil && hidden == nil {
		return fmt.Errorf("cache: %s: %w: %w", op, ErrDegraded, err)
	}
	return hidden
}

// logFailure logs at most one failure a second: a store that is away fails
// thousands of times.
func (c *Cache) logFailure(ctx context.Context, op string, err error) {
	now := c.cfg.Now().Unix()
	if last := c.quiet.Load(); last != now && c.quiet.CompareAndSwap(last, now) {
		c.cfg.Logger.WarnContext(ctx, "cache: store failed, going on without", "cache", c.cfg.Prefix, "op", op, "error", err)
	}
}
