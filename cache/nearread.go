package cache

import (
	"context"
	"sync/atomic"
	"time"
)

// nearRead is a read of the store whose results the near tier may hold.
type nearRead struct {
	near    Near
	witness *Witness
	epoch   uint64
	keys    []string
	stamps  []Stamp
}

// beforeRead prepares for holding what is found under the keys: the moment in
// their lives, before the store is asked. Without a near tier that is nil.
func (c *Cache) beforeRead(ctx context.Context, keys []string) (context.Context, *nearRead) {
	if c.near == nil || !c.near.Verified() || degraded(c.cfg.Store) {
		return ctx, nil
	}
	return newNearRead(ctx, c.near, keys)
}

func newNearRead(ctx context.Context, near Near, keys []string) (context.Context, *nearRead) {
	n := &nearRead{near: near, epoch: near.Epoch().Now(), keys: keys, stamps: make([]Stamp, len(keys))}
	for i, key := range keys {
		n.stamps[i] = near.Stamp(key)
	}
	ctx, n.witness = WithWitness(ctx)
	return ctx, n
}

// from leaves the first keys out.
func (n *nearRead) from(first int) *nearRead {
	if n == nil {
		return nil
	}
	rest := *n
	rest.keys, rest.stamps = n.keys[first:], n.stamps[first:]
	return &rest
}

// hold keeps value for the i-th key, unless it has changed since, or it was not
// the shared store that answered.
func (n *nearRead) hold(i int, value any, size int, ttl time.Duration) {
	if n == nil || ttl <= 0 || n.witness.Fallback() {
		return
	}
	n.near.Put(n.keys[i], value, size+len(n.keys[i]), ttl, n.stamps[i])
}

// controlSize is about what a control value weighs.
const controlSize = 64

// holdControl keeps generation and purge sequence, the first two keys.
func (n *nearRead) holdControl(gen *generation, now string, seq uint64) {
	if n == nil || seq == 0 {
		return
	}
	n.hold(0, now, controlSize, Forever)
	n.hold(1, seq, controlSize, Forever)
}

// nearTicket returns generation and sequence without asking the store, while
// changes of both arrive. A sequence that is some microseconds old is too low,
// which refuses too much and never too little.
func (c *Cache) nearTicket(gen *generation) (ticket, bool) {
	if c.near == nil || !c.near.Verified() || degraded(c.cfg.Store) {
		return ticket{}, false
	}
	generation, ok := c.nearGeneration(gen)
	if !ok || c.tags.shared != c.cfg.Store {
		return ticket{}, false
	}
	v, _ := c.near.Get(c.tags.seqName)
	seq, ok := v.(uint64)
	return ticket{generation: generation, seq: seq}, ok
}

// nearGeneration is the generation of what the near tier holds.
func (c *Cache) nearGeneration(gen *generation) (string, bool) {
	if c.clearOwed.Load()&uint32(toShared) != 0 {
		return "", false
	}
	v, _ := c.near.Get(gen.key)
	g, ok := v.(string)
	return g, ok
}

// seenGeneration is nearGeneration for hits: one load while no control key
// changes. Whoever asks the store asks the near tier itself, which forgets after a
// while, so that a change that nobody heard of does not last.
func (c *Cache) seenGeneration(gen *generation) (string, bool) {
	epoch := c.nearEpoch.Now() // before the look
	if held := gen.held.Load(); held != nil && held.epoch == epoch {
		return held.generation, true
	}
	generation, ok := c.nearGeneration(gen)
	if ok {
		gen.held.Store(&heldGeneration{epoch: epoch, generation: generation})
	}
	return generation, ok
}

// heldGeneration is what the near tier held in an epoch.
type heldGeneration struct {
	epoch      uint64
	generation string
}

// nearUsable reports whether what the near tier holds may be served. While
// changes by others do not arrive it may only if the store is away: it is stale
// then, but better than nothing, and the journal still names what was purged.
func (c *Cache) nearUsable() (verified, usable bool) {
	if c.near == nil {
		return false, false
	}
	verified = c.near.Verified()
	return verified, verified || degraded(c.cfg.Store)
}

// nearValid reports whether the tags of something that the near tier holds still
// have the tokens it was made under.
func (c *Cache) nearValid(ctx context.Context, tags []TagToken, checked *atomic.Uint64) bool {
	return c.nearStanding(ctx, tags, checked) == isCurrent
}

// nearStanding is what they say, and remembers for the epoch that they are
// current. While nothing is purged that is one load.
func (c *Cache) nearStanding(ctx context.Context, tags []TagToken, checked *atomic.Uint64) standing {
	if len(tags) == 0 {
		return isCurrent
	}
	epoch := c.nearEpoch.Now() // before the tokens are read
	if checked.Load() == epoch+1 {
		return isCurrent
	}
	how, err := c.tags.standingNear(ctx, tags)
	if err != nil {
		return isPurged
	}
	if how == isCurrent {
		checked.Store(epoch + 1)
	}
	return how
}
