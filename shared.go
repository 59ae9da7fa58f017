package echoic

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/cache/failover"
	"github.com/echoic-go/echoic/cache/near"
	"github.com/echoic-go/echoic/journal"
)

// openRedisCache opens the store that all servers share: Redis, told by the
// journal what it may have forgotten before anything in it is trusted; in front
// of it what this process holds; behind it, if there is a database, a table for
// when it is away.
func (a *App) openRedisCache(ctx context.Context) (cache.Store, error) {
	replayer, err := journal.NewReplayer(journal.ReplayerConfig{
		Journal: a.Journal, Prefix: a.Config.CachePrefix, SessionPrefix: a.Plan.SessionPrefix, TrustRestart: a.Config.RedisTrustRestart, Logger: a.Logger, Now: a.Config.Now,
	})
	if err != nil {
		return nil, err
	}
	a.trust = &trust{replay: replayer.Verify}
	primary, err := openRedisStore(ctx, a.Config, a.trust.Verify, &a.owned)
	if err != nil {
		return nil, err
	}
	a.trust.ask, a.monitor.primary = primary.Ping, primary
	a.owned.add(replayer) // before what it writes to is closed
	fallback, err := a.openFallback(ctx)
	if err != nil {
		return nil, err
	}
	a.Failover, err = failover.New(failover.Config{
		Primary: primary, Fallback: fallback, Probe: primary.Health, Recover: replayer.CatchUp, Journal: a.Journal,
		Prefix: a.Config.CachePrefix, Budget: a.Config.CacheStoreBudget, Logger: a.Logger, Now: a.Config.Now,
	})
	if err != nil {
		return nil, err
	}
	a.owned.add(a.Failover)
	replayer.Attach(primary)
	return a.Failover, a.trackRedis(ctx)
}

// openFallback opens the table for when Redis is away; nil without a database.
func (a *App) openFallback(ctx context.Context) (cache.Store, error) {
	if a.Plan.Database == "" {
		return nil, nil
	}
	cfg := fallbackConfig(a.Config, a.Plan)
	cfg.AutoCreate = true
	store, err := database.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("fallback: %w", err)
	}
	a.monitor.fallback = store
	a.owned.add(store)
	return store, nil
}

func fallbackConfig(cfg Config, plan Plan) database.Config {
	return database.Config{
		URL: cfg.DatabaseURL, Table: fallbackTable, MaxEntries: databaseFactor * cfg.CacheMaxEntries,
		MaxConns: fallbackConnections, NoWait: true, Unlogged: plan.Database == Postgres, Logger: cfg.Logger,
	}
}

const (
	// fallbackTable is not that of a cache in the database: what is kept while
	// Redis is away may be lost with a crash of the database, and is faster so.
	fallbackTable       = "echoic_fallback"
	fallbackConnections = 4
)

// trackRedis lets this process hold what is in Redis, and hear of changes.
func (a *App) trackRedis(ctx context.Context) error {
	if a.Config.CacheNearBytes == 0 {
		return nil
	}
	if err := a.openNear(); err != nil {
		return err
	}
	tracker, err := near.Track(ctx, near.TrackConfig{
		URL: a.Config.RedisURL, Tier: a.Near, ConnectTimeout: a.Config.RedisConnectTimeout,
		CAFile: a.Config.RedisCAFile, CertFile: a.Config.RedisCertFile, KeyFile: a.Config.RedisKeyFile,
		SentinelUser: a.Config.RedisSentinelUser, SentinelPassword: a.Config.RedisSentinelPassword, Logger: a.Logger,
	})
	if err != nil {
		return err
	}
	a.owned.add(tracker)
	return nil
}

func (a *App) openNear() (err error) {
	a.Near, err = near.New(near.Config{MaxBytes: a.Config.CacheNearBytes, Prefixes: []string{a.Config.CachePrefix}, Logger: a.Logger, Now: a.Config.Now})
	if err == nil {
		a.owned.add(a.Near)
	}
	return err
}

// openDatabaseCache opens a cache in the database. What this process holds of it
// is told by the journal what others purged.
func (a *App) openDatabaseCache(ctx context.Context) (cache.Store, error) {
	store, err := openDatabaseStore(ctx, a.Config, &a.owned)
	if err != nil {
		return nil, err
	}
	a.monitor.table = store
	if err := a.replayDatabase(ctx, store); err != nil {
		return nil, err
	}
	if a.Config.CacheNearBytes == 0 {
		return store, nil
	}
	if err := a.openNear(); err != nil {
		return nil, err
	}
	a.owned.add(follow(a.Journal, a.Near.Feed("journal")))
	return store, nil
}

// replayDatabase tells the table what nobody has told it: what was purged in a
// transaction whose process has ended since.
func (a *App) replayDatabase(ctx context.Context, store cache.Store) error {
	replayer, err := journal.NewReplayer(journal.ReplayerConfig{Journal: a.Journal, Prefix: a.Config.CachePrefix, Logger: a.Logger, Now: a.Config.Now})
	if err != nil {
		return err
	}
	a.owned.add(replayer)
	if err := replayer.Verify(ctx, store, []cache.Incarnation{{RunID: databaseRun}}); err != nil {
		return err
	}
	replayer.Attach(store)
	return nil
}

// databaseRun stands for the run of the database: it forgets nothing when it is
// started anew.
const databaseRun = "database"

// followEvery is how often the journal is asked whether it hears.
const followEvery = 100 * time.Millisecond

// follow keeps a feed up while the journal hears. Close ends it.
func follow(j *journal.Journal, feed *near.Feed) closer {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		ticker := time.NewTicker(followEvery)
		defer ticker.Stop()
		for {
			if j.Alive() {
				feed.Up()
			} else {
				feed.Down("the journal does not answer")
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	return func() error {
		cancel()
		work.Wait()
		return nil
	}
}

// observe tells this process what every server says in the journal.
func (a *App) observe() {
	stop := a.Journal.Subscribe(func(rows []journal.Row) {
		ctx := context.Background()
		all := make([]cache.Invalidation, len(rows))
		for i, row := range rows {
			all[i] = row.Invalidation
		}
		for _, heard := range heardIn(rows) {
			if err := a.Cache.Observe(ctx, heard); err != nil {
				a.Logger.WarnContext(ctx, "echoic: the cache was not told what the journal says", "error", err)
				a.doubt()
			}
		}
		if a.Failover != nil {
			a.Failover.Observe(all)
		}
		a.Sessions.Observe(ctx, all)
	})
	a.owned.add(closer(func() error {
		stop()
		return nil
	}))
}

// doubt drops what this process holds.
func (a *App) doubt() {
	if a.Near != nil {
		a.Near.DropAll()
	}
}

// heardIn groups rows by what is known of them, in their order.
func heardIn(rows []journal.Row) []cache.Heard {
	var list []cache.Heard
	for _, row := range rows {
		last := len(list) - 1
		if last < 0 || list[last].Own != row.Own || list[last].Untold != row.Outbox {
			list = append(list, cache.Heard{Own: row.Own, Untold: row.Outbox})
			last++
		}
		list[last].List = append(list[last].List, row.Invalidation)
	}
	return list
}

// trust knows which runs of which servers have been told by the journal what they
// may have forgotten. Sessions go to the same servers by other connections, which
// nobody may use before.
type trust struct {
	replay cache.Verifier
	ask    func(context.Context) error // connects the cache, which verifies

	mu   sync.Mutex
	runs map[string]bool
}

// Verify is the cache.Verifier of the cache's connections.
func (t *trust) Verify(ctx context.Context, store cache.Store, servers []cache.Incarnation) error {
	if err := t.replay(ctx, store, servers); err != nil {
		return err
	}
	runs := make(map[string]bool, len(servers))
	for _, s := range servers {
		runs[s.RunID] = true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.runs = runs
	return nil
}

func (t *trust) trusts(run string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.runs[run]
}

// errUnverified is a server that the cache's connection has not verified yet.
var errUnverified = errors.New("echoic: this Redis has not been told yet what it may have forgotten: the cache's own connection does that")

// Check says whether sessions may use a server that has just been connected to.
func (t *trust) Check(ctx context.Context, run string) error {
	if t.trusts(run) {
		return nil
	}
	if err := t.ask(ctx); err != nil {
		return fmt.Errorf("%w: %w", errUnverified, err)
	}
	if !t.trusts(run) {
		return errUnverified
	}
	return nil
}
