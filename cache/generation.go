package cache

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"sync/atomic"
)

// generation is the part of an entry's key that Clear renews. The current one is
// kept in the store; the last one seen is remembered, so that reading it and
// reading what is asked for is one round trip. Values have one, pages and
// fragments another: a store that comes back with old data loses the values,
// which nothing else can vouch for, and keeps what tags guard.
type generation struct {
	store  Store // behind the near tier, if there is one
	shared Store // as it was given
	near   Near  // or nil
	key    string
	last   atomic.Pointer[string]
	held   atomic.Pointer[heldGeneration]

	// For a store inside the process: the epoch in which last was read, plus
	// one. Nobody renews the generation without advancing the epoch.
	epoch *Epoch
	read  atomic.Uint64
}

// local returns the current generation of a store inside the process: one load
// unless something was purged or cleared since the last call.
func (g *generation) local(ctx context.Context) (string, error) {
	epoch := g.epoch.Now() // before the read
	if g.read.Load() == epoch+1 {
		return g.seen(), nil
	}
	raw, found, err := g.store.Get(ctx, g.key)
	if err != nil || !found {
		return "", err
	}
	now := string(raw)
	g.last.Store(&now)
	g.read.Store(epoch + 1)
	return now, nil
}

// renewed makes everybody in this process read again.
func (g *generation) renewed() {
	if g.epoch != nil {
		g.epoch.Advance()
	}
}

func (g *generation) seen() string {
	if p := g.last.Load(); p != nil {
		return *p
	}
	return ""
}

func newGeneration() string {
	var b [6]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ticket is what a read hands to the write that may follow it: what is stored
// goes to the generation, and is judged by the sequence, of the moment before
// it was made. A fallback has generations of its own, so that what was begun
// with one store and is stored in the other is seen by nobody.
type ticket struct {
	generation string
	seq        uint64
	// said is how many invalidations this process knew of. Where the store does
	// not answer it is all that there is to tell before from after.
	said uint64
	// fallback says that it is of a fallback, whose numbers mean nothing in the
	// store. Only shares asks.
	fallback bool
}

// reading is what a read of the store returned.
type reading struct {
	ticket
	keys []string // physical
	raws [][]byte // nil for a miss
	near *nearRead
}

// read looks up physical keys, which are the bases in the current generation.
// It takes one round trip unless the generation has changed since the last.
func (c *Cache) read(ctx context.Context, gen *generation, bases ...string) (reading, error) {
	if err := c.settleClear(ctx); err != nil {
		return reading{}, err
	}
	if t, ok := c.nearTicket(gen); ok {
		return c.readIn(ctx, t, bases)
	}
	g := gen.seen()
	keys := make([]string, len(bases)+2)
	keys[0], keys[1] = gen.key, c.tags.seqKey()
	for range 4 {
		for i, base := range bases {
			keys[i+2] = inGeneration(base, g)
		}
		ctx, n := c.beforeRead(ctx, keys)
		values, seq, err := c.readKeys(ctx, keys)
		if err != nil {
			return reading{}, err
		}
		now := string(values[0])
		if now == g && g != "" {
			if c.clearOwed.Load() == 0 { // asked after the stamps
				n.holdControl(gen, now, seq)
			}
			return reading{ticket: ticket{generation: g, seq: seq}, keys: keys[2:], raws: values[2:], near: n.from(2)}, nil
		}
		if now == "" {
			var kept bool
			if now, kept, err = gen.create(ctx); err != nil {
				return reading{}, err
			}
			if !kept {
				return reading{ticket: ticket{generation: now, seq: seq}, keys: keys[2:], raws: make([][]byte, len(bases))}, nil
			}
		}
		gen.last.Store(&now)
		g = now
	}
	return reading{}, errors.New("cache: the generation changes with every read: is something clearing the cache in a loop?")
}

// readIn is read where the near tier knows the generation.
func (c *Cache) readIn(ctx context.Context, t ticket, bases []string) (reading, error) {
	keys := make([]string, len(bases))
	for i, base := range bases {
		keys[i] = inGeneration(base, t.generation)
	}
	if len(keys) == 0 {
		return reading{ticket: t}, nil
	}
	ctx, n := c.beforeRead(ctx, keys)
	raws, err := getMany(ctx, c.store, keys)
	if err != nil {
		return reading{}, err
	}
	return reading{ticket: t, keys: keys, raws: raws, near: n}, nil
}

// readKeys reads the keys and the purge sequence, which is the second of them
// if the tags live in the same store.
func (c *Cache) readKeys(ctx context.Context, keys []string) (values [][]byte, seq uint64, err error) {
	if values, err = getMany(ctx, c.store, keys); err != nil {
		return nil, 0, err
	}
	if c.tags.shared == c.cfg.Store && values[1] != nil {
		return values, parseSequence(values[1]), nil
	}
	seq, err = c.tags.sequence(ctx)
	return values, seq, err
}

// create makes the first generation, or takes the one that another process
// made in the same moment. Where the store did not keep it, as a null store
// never does, it is one that nobody will see again.
func (g *generation) create(ctx context.Context) (now string, kept bool, err error) {
	fresh := newGeneration()
	if _, err := addControl(ctx, g.shared, g.near, g.key, []byte(fresh), Forever); err != nil {
		return "", false, err
	}
	g.renewed()
	raw, found, err := g.store.Get(ctx, g.key)
	if err != nil || !found {
		return fresh, false, err
	}
	return string(raw), true, nil
}

// now returns the current generation of values, and the purge sequence.
func (c *Cache) now(ctx context.Context) (ticket, error) { return c.nowIn(ctx, &c.values) }

func (c *Cache) nowIn(ctx context.Context, gen *generation) (ticket, error) {
	if t, ok := c.localTicket(ctx, gen); ok {
		return t, nil
	}
	r, err := c.read(ctx, gen)
	return r.ticket, err
}

// localTicket is read without keys for a store inside the process that has both
// control keys. It asks for them every time, although the epoch would tell whether
// they have changed: what nobody reads is evicted first.
func (c *Cache) localTicket(ctx context.Context, gen *generation) (ticket, bool) {
	if gen.epoch == nil || c.tags.shared != c.cfg.Store || c.settleClear(ctx) != nil {
		return ticket{}, false
	}
	now, found, err := c.store.Get(ctx, gen.key)
	g := gen.seen()
	if !found || err != nil || g == "" || string(now) != g {
		return ticket{}, false
	}
	seq, found, err := c.store.Get(ctx, c.tags.seqKey())
	return ticket{generation: g, seq: parseSequence(seq)}, found && err == nil
}

// getMany reads keys in one call if the store can.
func getMany(ctx context.Context, s Store, keys []string) ([][]byte, error) {
	if many, ok := s.(ManyStore); ok && len(keys) > 1 {
		return many.GetMany(ctx, keys)
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		v, found, err := s.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		if found {
			values[i] = v
			if v == nil {
				values[i] = []byte{}
			}
		}
	}
	return values, nil
}
