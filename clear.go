package echoic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// ClearCache drops everything that is cached under cfg's prefix, and frees it
// before it returns; sessions stay. Unlike an App's own cache it reports every
// failure. progress, if not nil, is called with the number of entries freed so
// far. It cannot reach the memory of another process.
func ClearCache(ctx context.Context, cfg Config, progress func(freed int)) (freed int, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	app := &App{Config: cfg, Plan: cfg.Plan(), Logger: cfg.Logger}
	defer func() { err = errors.Join(err, app.Close()) }()
	if err := app.openJournal(ctx); err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	store, err := openPlainStore(ctx, cfg, &app.owned)
	if err != nil {
		return 0, err
	}
	c, err := cache.New(cache.Config{
		Store: store, Prefix: cfg.CachePrefix, Journal: app.Journal, JournalLast: app.Plan.Cache != Redis, Logger: cfg.Logger,
	})
	if err != nil {
		return 0, err
	}
	app.owned.add(c)
	return c.ClearNow(ctx, progress)
}

// CacheCount is how much is cached under a prefix. What an earlier Clear has dropped
// and nobody has freed yet counts.
type CacheCount struct {
	Values    int `json:"values"`
	Fragments int `json:"fragments"`
	Pages     int `json:"pages"`
	// Complete is false if the count gave up: there are at least so many.
	Complete bool `json:"complete"`
}

// Total is all of them.
func (n CacheCount) Total() int { return n.Values + n.Fragments + n.Pages }

// CountCache counts what [ClearCache] would drop, as far as it comes within
// patience. It changes nothing, and lists keys in small steps, as ClearCache does.
func CountCache(ctx context.Context, cfg Config, patience time.Duration) (n CacheCount, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	app := &App{Config: cfg, Plan: cfg.Plan(), Logger: cfg.Logger}
	defer func() { err = errors.Join(err, app.Close()) }()
	store, err := openPlainStore(ctx, cfg, &app.owned)
	if err != nil {
		return n, err
	}
	lister, ok := store.(cache.Lister)
	if !ok {
		return n, fmt.Errorf("echoic: count: %w: the store cannot list keys", cache.ErrUnsupported)
	}
	end := time.Now().Add(patience)
	for key, err := range lister.Keys(ctx, cfg.CachePrefix+":") {
		if err != nil {
			return n, err
		}
		switch app.kindOf(key) {
		case cache.KindValue:
			n.Values++
		case cache.KindFragment:
			n.Fragments++
		case cache.KindPage:
			n.Pages++
		}
		if time.Now().After(end) {
			return n, nil
		}
	}
	n.Complete = true
	return n, nil
}

// ClearExpiredSessions removes the sessions that have expired from the database.
// The application does that by itself, and Redis too, where it is false.
func ClearExpiredSessions(ctx context.Context, cfg Config) (done bool, err error) {
	var owned resources
	defer func() { err = errors.Join(err, owned.Close()) }()
	store, _, err := newSessionStore(ctx, cfg, nil, &owned)
	if err != nil {
		return false, err
	}
	purger, ok := store.(interface {
		Purge(ctx context.Context) error
	})
	if !ok {
		return false, nil
	}
	return true, purger.Purge(ctx)
}
