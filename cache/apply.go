package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ApplyConfig says whose invalidations [Apply] applies.
type ApplyConfig struct {
	// Prefix as in Config. Required.
	Prefix string
	// SessionPrefix is what stands before the keys of sessions, where the
	// store keeps them too. Empty: there are none.
	SessionPrefix string
	// Logger and Now as in Config.
	Logger *slog.Logger
	Now    func() time.Time
}

// Apply tells a store what was invalidated, as the process that said it first
// would have. Tags get fresh tokens and Clear a fresh generation, so that it may
// be told twice, by several processes at once and in any order: that costs
// misses, and brings nothing back. What peers say of themselves is passed over.
//
// After an error some of the list may have been applied.
func Apply(ctx context.Context, store Store, cfg ApplyConfig, list []Invalidation) error {
	t, err := NewTags(TagsConfig{Store: store, Prefix: cfg.Prefix, Logger: cfg.Logger, Now: cfg.Now})
	if err != nil {
		return err
	}
	var tags, soft, sessions, keys []string
	all, values := false, false
	for _, i := range list {
		switch i.Kind {
		case InvalidTag:
			tags = append(tags, i.Name)
		case InvalidTagSoftly:
			soft = append(soft, i.Name)
		case InvalidAll:
			all, values = true, true
		case InvalidValues:
			values = true
		case InvalidKey:
			keys = append(keys, i.Name)
		case InvalidSession:
			sessions = append(sessions, cfg.SessionPrefix+i.Name)
		}
	}
	defer t.advance()
	problems := []error{heard(t.renewAll(ctx, tags)), heard(t.softenAll(ctx, soft))}
	if all {
		problems = append(problems, freshGeneration(ctx, store, pagesGenerationKey(cfg.Prefix)))
	}
	switch {
	case values:
		problems = append(problems, freshGeneration(ctx, store, valuesGenerationKey(cfg.Prefix)))
	case len(keys) > 0:
		problems = append(problems, dropKeys(ctx, store, cfg.Prefix, keys))
	}
	if cfg.SessionPrefix != "" && len(sessions) > 0 {
		_, err := store.Delete(ctx, sessions...)
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("cache: applying %d invalidations: %w", len(list), err)
	}
	return nil
}

// dropKeys removes plain values of the present generation; those of others
// nobody can read.
func dropKeys(ctx context.Context, store Store, prefix string, bases []string) error {
	generation, found, err := store.Get(ctx, valuesGenerationKey(prefix))
	if err != nil || !found {
		return err
	}
	physical := make([]string, len(bases))
	for i, base := range bases {
		physical[i] = inGeneration(base, string(generation))
	}
	_, err = store.Delete(ctx, physical...)
	return err
}

// RaiseSequence makes sure that the next purge in a store has a number above
// least: a store that came back with old data would count through numbers that
// fills in the air take for past.
func RaiseSequence(ctx context.Context, store Store, prefix string, least uint64) error {
	counter, ok := store.(Counter)
	if !ok {
		return fmt.Errorf("cache: purge sequence: %w: the store has no counters", ErrUnsupported)
	}
	key := sequenceKey(prefix)
	now, err := counter.Incr(ctx, key, 1, &Initial{Value: int64(least), TTL: Forever})
	if err == nil && uint64(now) <= least {
		_, err = counter.Incr(ctx, key, int64(least)-now+1, &Initial{Value: int64(least), TTL: Forever})
	}
	if err != nil {
		return fmt.Errorf("cache: purge sequence: %w", err)
	}
	return nil
}

func sequenceKey(prefix string) string         { return prefix + ":t:seq" }
func pagesGenerationKey(prefix string) string  { return prefix + ":t:gen" }
func valuesGenerationKey(prefix string) string { return prefix + ":t:vgen" }

// freshGeneration begins a generation in which nothing is there.
func freshGeneration(ctx context.Context, store Store, key string) error {
	_, err := store.Set(ctx, key, []byte(newGeneration()), Forever, Always)
	return err
}
