package echoic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/failover"
	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/cache/near"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/journal"
	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/pubsub"
	"github.com/echoic-go/echoic/ratelimit"
	"github.com/echoic-go/echoic/session"
)

// App is everything that one application uses. Its parts are safe for
// concurrent use. Close it when the server has been shut down.
type App struct {
	// Config is what the App was opened with, and Plan what follows from it.
	Config Config
	Plan   Plan
	// Cache is the cache named "default" of Caches.
	Cache  *cache.Cache
	Caches *cache.Caches
	// Pages and Fragments keep what they keep in Cache, under its tags.
	Pages *pagecache.Pages
	// Live are the holes of both: register them, by Live.Live, before templates
	// are loaded.
	Live      *live.Set
	Fragments *fragment.Fragments
	// Sessions is a drop-in *scs.SessionManager.
	Sessions *session.Manager
	// Journal is where purges and logouts are written first, in the database if
	// there is one. Its PurgeTx purges in a transaction of the application's.
	Journal *journal.Journal
	// Limiter keeps rate limits, the same for all servers if there is Redis, for
	// middleware.RateLimit.
	Limiter *ratelimit.Limiter
	// PubSub hands messages to the other servers: through Redis or Postgres, and
	// without either within this process.
	PubSub *pubsub.PubSub
	// Near is what this process holds of Redis or the database, nil if it holds
	// nothing, and Failover the way to Redis, nil without one: for monitoring.
	Near     *near.Tier
	Failover *failover.Store
	Logger   *slog.Logger

	trust   *trust // nil without Redis
	monitor monitor
	csrf    csrf
	owned   resources
}

// Open connects to what cfg names and wires the parts. ctx bounds the opening
// only.
//
// A Redis that is away does not keep the application from starting: pages are
// made anew, sessions in it answer 503, until it is there; the log names its
// address. A database that is away is an error.
func Open(ctx context.Context, cfg Config) (*App, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	app := &App{Config: cfg, Plan: cfg.Plan(), Logger: cfg.Logger}
	app.monitor.started = time.Now()
	for _, warning := range app.Plan.Warnings {
		app.Logger.WarnContext(ctx, "echoic: "+warning)
	}
	if err := app.open(ctx); err != nil {
		return nil, errors.Join(err, app.Close())
	}
	return app, nil
}

func (a *App) open(ctx context.Context) error {
	if err := a.openJournal(ctx); err != nil {
		return fmt.Errorf("echoic: journal: %w", err)
	}
	if err := a.openCache(ctx); err != nil {
		return fmt.Errorf("echoic: cache: %w", err)
	}
	proxies, err := a.Config.proxies()
	if err != nil {
		return err
	}
	development := a.Config.Env != Production
	if a.Live, err = live.New(live.Config{}); err != nil {
		return err
	}
	a.Pages, err = pagecache.New(pagecache.Config{
		Live:  a.Live,
		Cache: a.Cache, SessionCookies: []string{a.Plan.Cookie}, Hosts: a.Config.AllowedHosts, TrustedProxies: proxies,
		Development: development, ServerTiming: true, StoreName: string(a.Plan.Cache), StoreBudget: a.Config.CacheStoreBudget, Logger: a.Logger,
		StaleIfError: a.Config.CacheStaleIfError, StaleWhileRevalidate: a.Config.CacheStaleWhileRevalidate, Secret: a.secret(),
		Now: a.Config.Now,
	})
	if err != nil {
		return err
	}
	a.owned.add(a.Pages) // its refreshes end before the stores do
	a.Fragments, err = fragment.New(fragment.Config{
		Cache: a.Cache, Caches: a.Caches, Live: a.Live, StaleWhileRevalidate: a.Config.CacheStaleWhileRevalidate, Logger: a.Logger, Now: a.Config.Now,
	})
	if err != nil {
		return err
	}
	if err = a.openSessions(ctx); err != nil {
		return fmt.Errorf("echoic: sessions: %w", err)
	}
	a.observe()
	if err = a.openLimiter(ctx); err != nil {
		return err
	}
	return a.openPubSub(ctx)
}

// openJournal opens the log of invalidations, in the database if there is one.
func (a *App) openJournal(ctx context.Context) (err error) {
	cfg := journal.Config{URL: a.Config.DatabaseURL, Domain: a.Config.CachePrefix, Retention: a.Config.JournalRetention, AutoCreate: true, Logger: a.Logger}
	if a.Plan.Database == "" {
		a.Journal, err = journal.NewMemory(cfg)
	} else {
		a.Journal, err = journal.Open(ctx, cfg)
	}
	if err == nil {
		a.owned.add(a.Journal)
	}
	return err
}

// openCache opens the store and the cache over it.
func (a *App) openCache(ctx context.Context) error {
	store, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	compressor, err := cache.CompressorByName(a.Config.CacheCompression)
	if err != nil {
		return err
	}
	cfg := cache.Config{
		Store: store, Prefix: a.Config.CachePrefix, Version: a.Config.CacheVersion, TTL: a.Config.CacheTTL,
		Compressor: compressor, IgnoreErrors: true, Logger: a.Logger, Now: a.Config.Now,
	}
	if a.Near != nil {
		cfg.Near = a.Near
	}
	if a.Plan.Cache != Memory { // which others cannot reach, and which forgets with the process
		cfg.Journal, cfg.JournalLast = a.Journal, a.Plan.Cache != Redis
	}
	a.Cache, err = cache.New(cfg)
	if err != nil {
		return err
	}
	a.owned.add(a.Cache)
	a.Caches, err = cache.NewCaches(map[string]*cache.Cache{cache.Default: a.Cache})
	return err
}

func (a *App) openStore(ctx context.Context) (cache.Store, error) {
	switch a.Plan.Cache {
	case Redis:
		return a.openRedisCache(ctx)
	case Postgres, SQLite:
		return a.openDatabaseCache(ctx)
	}
	return openMemoryStore(a.Config, &a.owned)
}

// openSessions opens the store and the manager over it.
func (a *App) openSessions(ctx context.Context) error {
	store, err := openSessionStore(ctx, a.Config, a.trust, &a.owned)
	if err != nil {
		return err
	}
	a.monitor.sessions = store
	address, err := a.Config.clientAddress()
	if err != nil {
		return err
	}
	var ends cache.Journal
	if a.Plan.Sessions == Redis { // a database loses nothing that it has acknowledged
		ends = a.Journal
	}
	sessions := session.Config{
		Store: store, Journal: ends, Lifetime: a.Config.SessionLifetime, IdleTimeout: a.Config.SessionIdleTimeout,
		Cookie:     session.Cookie{Name: a.Plan.Cookie, Secure: a.Plan.Secure},
		HashTokens: a.Config.Env == Production, StoreBudget: a.Config.CacheStoreBudget, Address: address, Logger: a.Logger,
	}
	if a.Config.Sessions != nil {
		a.Config.Sessions(&sessions)
	}
	a.Sessions, err = session.New(sessions)
	return err
}

// Close ends everything that Open began, in the reverse order, and waits for
// it. It is idempotent.
func (a *App) Close() error { return a.owned.Close() }

// resources are closed in the reverse order of their opening.
type resources struct{ list []io.Closer }

func (r *resources) add(c io.Closer) { r.list = append(r.list, c) }

// Close closes all, whatever goes wrong on the way.
func (r *resources) Close() error {
	var problems []error
	for _, c := range slices.Backward(r.list) {
		problems = append(problems, c.Close())
	}
	r.list = nil
	return errors.Join(problems...)
}

// closer makes a resource of a function.
type closer func() error

func (c closer) Close() error { return c() }

// secret is that of the site, nil without one.
func (a *App) secret() []byte {
	if len(a.Config.SecretKeys) == 0 {
		return nil
	}
	return []byte(a.Config.SecretKeys[0])
}
