package cache

import (
	"context"
	"fmt"
	"slices"
)

// Heard is what the tail of the journal hears.
type Heard struct {
	List []Invalidation
	// Own says that this process said it, and has told the store.
	Own bool
	// Untold says that nobody has told the store: it was written in a
	// transaction of the application's.
	Untold bool
}

// Observe is told every invalidation that the journal's tail hears, by whichever
// server it was said. What this process holds forgets what the list names, before
// the shared store has heard of it and also while that cannot be reached.
//
// A store inside the process is told what others said, and one that tells nobody
// of its changes ([Config.JournalLast]) what nobody has told it: whoever reads it
// from then on reads what is right. An error is that store's; what this process
// holds of it may be out of date then.
func (c *Cache) Observe(ctx context.Context, heard Heard) error {
	if err := c.open(); err != nil {
		return err
	}
	if !heard.Own && slices.ContainsFunc(heard.List, Invalidation.outdates) {
		c.tags.said.Add(1)
	}
	for _, i := range heard.List {
		if i.Kind == InvalidKey {
			c.flights.forget(i.Name)
		}
	}
	var err error
	if c.hasToBeTold(heard) {
		err = Apply(ctx, c.cfg.Store, ApplyConfig{Prefix: c.cfg.Prefix, Logger: c.cfg.Logger, Now: c.cfg.Now}, heard.List)
	}
	if c.near != nil {
		c.near.Forget(c.nearKeys(heard.List)...)
	}
	if err != nil {
		return fmt.Errorf("cache: observe: %w", err)
	}
	return nil
}

func (c *Cache) hasToBeTold(heard Heard) bool {
	if _, local := c.cfg.Store.(ObjectStore); local {
		return !heard.Own || heard.Untold
	}
	return c.cfg.JournalLast && heard.Untold
}

// nearKeys are the keys under which the near tier holds what the list names: for
// a tag its token, for a Clear the generations.
func (c *Cache) nearKeys(list []Invalidation) []string {
	keys := make([]string, 0, len(list)+1)
	for _, i := range list {
		switch i.Kind {
		case InvalidTag, InvalidTagSoftly:
			keys = append(keys, c.tags.key(i.Name), c.tags.seqName)
		case InvalidAll:
			keys = append(keys, c.records.key, c.values.key)
		case InvalidValues:
			keys = append(keys, c.values.key)
		case InvalidKey:
			if generation, ok := c.nearGeneration(&c.values); ok {
				keys = append(keys, inGeneration(i.Name, generation))
			}
		}
	}
	return keys
}
