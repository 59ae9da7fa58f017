package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Clear drops everything under this cache's prefix, all versions, pages and
// fragments included, and nothing else. It takes effect when it returns (without
// an error, also under IgnoreErrors): a new
// generation begins, in which nothing is there, and what is being made for the
// old one is lost. The memory is freed in the background; [Cache.ClearNow] waits
// for that. Sessions, which have another prefix, stay.
func (c *Cache) Clear(ctx context.Context) error {
	if err := c.open(); err != nil {
		return err
	}
	err := c.renewGenerations(ctx)
	if err == nil {
		select {
		case c.sweep <- struct{}{}:
		default: // one is coming anyway, and will see the new generation
		}
	}
	return c.degraded(ctx, "clear", err)
}

// ClearNow is Clear that frees the memory before it returns, and reports as
// [Cache.Sweep] does. Its errors are never hidden.
func (c *Cache) ClearNow(ctx context.Context, progress func(removed int)) (removed int, err error) {
	if err := c.open(); err != nil {
		return 0, err
	}
	if err := c.renewGenerations(ctx); err != nil {
		return 0, fmt.Errorf("cache: clear: %w", err)
	}
	return c.Sweep(ctx, progress)
}

func (c *Cache) renewGenerations(ctx context.Context) error {
	return c.journal.write(ctx, []Invalidation{{Kind: InvalidAll}}, func(ctx context.Context) error {
		return errors.Join(c.renewGeneration(ctx, &c.records), c.renewGeneration(ctx, &c.values))
	}, c.oweClear)
}

// oweClear remembers that a store has not heard of a Clear: whoever reads tells
// it first.
func (c *Cache) oweClear(what debt) error {
	c.clearOwed.Or(uint32(what))
	if c.near != nil {
		c.near.Forget(c.records.key, c.values.key)
	}
	return nil
}

// settleClear tells the store that is in charge of a Clear that it has not heard
// of.
func (c *Cache) settleClear(ctx context.Context) error {
	what := uint32(c.tags.creditor())
	if c.clearOwed.Load()&what == 0 {
		return nil
	}
	if err := errors.Join(c.renewGeneration(ctx, &c.records), c.renewGeneration(ctx, &c.values)); err != nil {
		return err
	}
	c.clearOwed.And(^what)
	return nil
}

func (c *Cache) renewGeneration(ctx context.Context, gen *generation) error {
	g := newGeneration()
	if _, err := c.store.Set(ctx, gen.key, []byte(g), Forever, Always); err != nil {
		return err
	}
	gen.last.Store(&g)
	gen.renewed()
	return nil
}

// sweeper frees old generations whenever Clear asks for it.
func (c *Cache) sweeper() {
	for {
		select {
		case <-c.life.Done():
			return
		case <-c.sweep:
			if _, err := c.Sweep(c.life, nil); err != nil && c.life.Err() == nil {
				c.logFailure(c.life, "sweep", err)
			}
		}
	}
}

// Sweep frees what earlier generations left behind, in batches, and returns how
// many entries that were. progress, if not nil, is called after every batch with
// the number so far.
func (c *Cache) Sweep(ctx context.Context, progress func(removed int)) (removed int, err error) {
	lister, ok := c.store.(Lister)
	if !ok {
		return 0, fmt.Errorf("cache: sweep: %w: it cannot list keys", ErrUnsupported)
	}
	present, err := c.presentGenerations(ctx)
	if err != nil {
		return 0, fmt.Errorf("cache: sweep: %w", err)
	}
	batch := make([]string, 0, batchSize)
	flush := func() error {
		// Asked again after listing: what was listed in a generation that is
		// not the present one now is of an older one, not of one to come.
		present, err := c.presentGenerations(ctx)
		if err != nil {
			return err
		}
		batch = slices.DeleteFunc(batch, func(physical string) bool {
			_, generation := cutGeneration(physical)
			return present[generation]
		})
		n, err := c.store.Delete(ctx, batch...)
		removed += n
		batch = batch[:0]
		if progress != nil {
			progress(removed)
		}
		return err
	}
	prefix := c.cfg.Prefix + ":"
	for physical, err := range lister.Keys(ctx, prefix) {
		if err != nil {
			return removed, fmt.Errorf("cache: sweep: %w", err)
		}
		base, generation := cutGeneration(physical)
		if present[generation] || !isEntry(strings.TrimPrefix(base, prefix)) {
			continue
		}
		if batch = append(batch, physical); len(batch) == batchSize {
			if err := flush(); err != nil {
				return removed, fmt.Errorf("cache: sweep: %w", err)
			}
		}
	}
	if err := flush(); err != nil {
		return removed, fmt.Errorf("cache: sweep: %w", err)
	}
	return removed, nil
}

// presentGenerations are those in which something can be read.
func (c *Cache) presentGenerations(ctx context.Context) (map[string]bool, error) {
	values, err := c.nowIn(ctx, &c.values)
	if err != nil {
		return nil, err
	}
	records, err := c.nowIn(ctx, &c.records)
	return map[string]bool{values.generation: true, records.generation: true}, err
}

// isEntry reports whether what follows the prefix is a value, page or fragment
// of this cache: "12:v:…", "p:…", "f:…". Keys of a longer prefix that starts
// with this one, and control keys, are not.
func isEntry(rest string) bool {
	kind, _, ok := strings.Cut(rest, ":")
	if !ok {
		return false
	}
	if kind == "p" || kind == "f" {
		return true
	}
	return kind != "" && strings.Trim(kind, "0123456789") == "" && strings.HasPrefix(rest[len(kind):], ":v:")
}
