package cache

import "context"

// Observe is told every invalidation that the tail of the journal hears, by
// whichever server it was said; own are those of this process. What this process
// holds forgets what they name, before the shared store has heard of it and also
// while that cannot be reached. A store inside the process is told what others
// said: it has no other way to hear of it.
//
// Observe waits for nothing outside the process.
func (c *Cache) Observe(ctx context.Context, list []Invalidation, own bool) {
	if c.open() != nil {
		return
	}
	for _, i := range list {
		if i.Kind == InvalidKey {
			c.flights.forget(i.Name)
		}
	}
	if c.near != nil {
		c.near.Forget(c.nearKeys(list)...)
	}
	if _, local := c.cfg.Store.(ObjectStore); local && !own {
		err := Apply(ctx, c.cfg.Store, ApplyConfig{Prefix: c.cfg.Prefix, Logger: c.cfg.Logger, Now: c.cfg.Now}, list)
		if err != nil {
			c.logFailure(ctx, "observe", err)
		}
	}
}

// nearKeys are the keys under which the near tier holds what the list names: for
// a tag its token, for a Clear the generations.
func (c *Cache) nearKeys(list []Invalidation) []string {
	keys := make([]string, 0, len(list)+1)
	for _, i := range list {
		switch i.Kind {
		case InvalidTag:
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
