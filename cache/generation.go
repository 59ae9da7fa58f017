package cache

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"sync/atomic"
)

// generation is the part of every entry's key that Clear renews. The current
// one is kept in the store; the last one seen is remembered, so that reading
// it and reading what is asked for is one round trip.
type generation struct {
	store Store
	key   string
	last  atomic.Pointer[string]

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
// it was made.
type ticket struct {
	generation string
	seq        uint64
}

// read looks up physical keys, which are the bases in the current generation.
// It takes one round trip unless the generation has changed since the last.
func (c *Cache) read(ctx context.Context, bases ...string) (ticket, [][]byte, error) {
	g := c.gen.seen()
	keys := make([]string, len(bases)+2)
	keys[0], keys[1] = c.gen.key, c.tags.seqKey()
	for range 4 {
		for i, base := range bases {
			keys[i+2] = inGeneration(base, g)
		}
		values, seq, err := c.readKeys(ctx, keys)
		if err != nil {
			return ticket{}, nil, err
		}
		now := string(values[0])
		if now == g && g != "" {
			return ticket{generation: g, seq: seq}, values[2:], nil
		}
		if now == "" {
			var kept bool
			if now, kept, err = c.gen.create(ctx); err != nil {
				return ticket{}, nil, err
			}
			if !kept {
				return ticket{generation: now, seq: seq}, make([][]byte, len(bases)), nil
			}
		}
		c.gen.last.Store(&now)
		g = now
	}
	return ticket{}, nil, errors.New("cache: the generation changes with every read: is something clearing the cache in a loop?")
}

// readKeys reads the keys and the purge sequence, which is the second of them
// if the tags live in the same store.
func (c *Cache) readKeys(ctx context.Context, keys []string) (values [][]byte, seq uint64, err error) {
	if values, err = getMany(ctx, c.store, keys); err != nil {
		return nil, 0, err
	}
	if c.tags.store == c.store && values[1] != nil {
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
	if _, err := g.store.Set(ctx, g.key, []byte(fresh), Forever, IfAbsent); err != nil {
		return "", false, err
	}
	g.renewed()
	raw, found, err := g.store.Get(ctx, g.key)
	if err != nil || !found {
		return fresh, false, err
	}
	return string(raw), true, nil
}

// now returns the current generation and purge sequence.
func (c *Cache) now(ctx context.Context) (ticket, error) {
	t, _, err := c.read(ctx)
	return t, err
}

// getMany reads keys in one call if the store can.
func getMany(ctx context.Context, s Store, keys []string) ([][]byte, error) {
	if many, ok := s.(ManyStore); ok {
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
