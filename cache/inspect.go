package cache

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What [Inspection.Kind] says.
const (
	KindValue    = "value"
	KindCounter  = "counter"
	KindPage     = "page"
	KindFragment = "fragment"
	KindTag      = "tag"
	KindControl  = "control" // generations, sequences, locks: the cache's own
)

// Inspection is what is known of a stored thing, for operators: a look at it
// changes nothing, counts nothing, and is no hit.
type Inspection struct {
	// Physical is the key in the store, Kind what is there.
	Physical, Kind string
	// Version and Key are the caller's, of values and counters; Fields what the
	// key of a page or fragment was made of.
	Version int
	Key     string
	Fields  []string
	// Created is when it was made; Expires when it ends, zero for never. Both
	// are zero where the store does not say.
	Created, Expires time.Time
	// Current is false for what nobody can read any more, though it is still
	// there: from before a Clear, purged by tag, expired, damaged. Why says so.
	Current bool
	Why     string
	// Tags are those that it carries, Private why it is one visitor's, Vary what
	// it was made for.
	Tags    []string
	Private string
	Vary    []Pair
	// Codec and Compressor are their numbers; see [Codec] and [Compressor].
	Codec, Compressor byte
	// Stored and Size are bytes: as stored, and of what was put in.
	Stored, Size int
	// Value is what a value decodes to; Plain the bytes of a page or fragment
	// before they are decoded; Object what a store inside the process holds of
	// one, as it is: it must not be modified. Nothing of a thing that is private.
	Value  any
	Plain  []byte
	Object any
}

// Inspect looks at what is stored under a physical key, one that [Lister] yields.
// Keys that are not this cache's are a *KeyError.
func (c *Cache) Inspect(ctx context.Context, physical string) (i Inspection, found bool, err error) {
	kind, err := c.kindOf(physical)
	if err != nil {
		return i, false, err
	}
	if err = c.open(); err != nil {
		return i, false, err
	}
	i = Inspection{Physical: physical, Kind: kind}
	if objects, ok := c.cfg.Store.(ObjectStore); ok {
		if o, ok := objects.Object(physical); ok {
			held, ok := o.(interface{ inspect(*Inspection) []TagToken })
			if ok {
				err = c.judge(ctx, &i, held.inspect(&i))
			}
			return i, ok, err
		}
	}
	raw, found, err := c.cfg.Store.Get(ctx, physical)
	if err != nil || !found {
		return i, false, err
	}
	i.Stored = len(raw)
	switch kind {
	case KindTag, KindControl:
		i.Current = true
		return i, true, nil
	}
	tags := c.inspectBytes(&i, raw)
	return i, true, c.judge(ctx, &i, tags)
}

// kindOf tells kinds apart by their keys.
func (c *Cache) kindOf(physical string) (string, error) {
	rest, own := strings.CutPrefix(physical, c.cfg.Prefix+":")
	if !own {
		return "", &KeyError{Key: physical, Reason: fmt.Sprintf("it does not start with %q: give a key of this cache", c.cfg.Prefix+":")}
	}
	head, rest, _ := strings.Cut(rest, ":")
	switch head {
	case "p":
		return KindPage, nil
	case "f":
		return KindFragment, nil
	case "t":
		return KindTag, nil
	}
	if _, err := strconv.Atoi(head); err == nil && strings.HasPrefix(rest, "v:") {
		return KindValue, nil
	}
	return KindControl, nil
}

func (o *object[T]) inspect(i *Inspection) []TagToken {
	i.Fields = Key{framed: o.framed}.Fields()
	i.Created, i.Expires = o.created, o.expires
	i.depend(o.deps)
	if i.Private == "" {
		i.Object = o.value
	}
	return o.deps.Tags
}

func (i *Inspection) depend(deps Deps) {
	i.Private, i.Vary = deps.Private, deps.Vary
	for _, t := range deps.Tags {
		i.Tags = append(i.Tags, t.Name)
	}
}

// inspectBytes opens an envelope, and returns the tags that it is valid with.
func (c *Cache) inspectBytes(i *Inspection, raw []byte) []TagToken {
	env, err := decodeEnvelope(raw)
	if err != nil {
		if _, bad := strconv.ParseInt(string(raw), 10, 64); bad == nil && i.Kind == KindValue {
			i.Kind, i.Size, i.Value = KindCounter, len(raw), string(raw)
			base, _ := cutGeneration(i.Physical)
			i.Version, i.Key = c.cutVersion(base)
			if plain, ok := unescapeName(i.Key); ok {
				i.Key = plain
			}
			return nil
		}
		i.Why = "damaged"
		return nil
	}
	i.Created, i.Expires, i.Codec, i.Compressor, i.Size = env.created, env.expires, env.codec, env.compressor, env.rawLen
	i.depend(env.deps)
	if i.Kind == KindValue {
		i.Version, i.Key = c.cutVersion(env.key)
	} else {
		i.Fields = Key{framed: env.key}.Fields()
	}
	if i.Private != "" {
		return env.deps.Tags
	}
	plain, err := c.expandForLook(&env)
	switch {
	case err != nil:
		i.Why = "damaged"
	case i.Kind != KindValue:
		i.Plain = plain
	default:
		codec, err := c.codecFor(env.codec)
		if err == nil {
			err = codec.Unmarshal(plain, &i.Value)
		}
		if err != nil {
			i.Value = plain
		}
	}
	return env.deps.Tags
}

func (c *Cache) expandForLook(env *envelope) ([]byte, error) {
	if env.rawLen > c.cfg.MaxValueBytes {
		return nil, errEnvelope
	}
	compressor, err := compressorFor(env.compressor)
	if err != nil {
		return nil, err
	}
	return compressor.expand(env.payload, env.rawLen)
}

// cutVersion takes what follows the prefix in the key of a value apart.
func (c *Cache) cutVersion(key string) (version int, rest string) {
	number, rest, _ := strings.Cut(strings.TrimPrefix(key, c.cfg.Prefix+":"), ":")
	version, _ = strconv.Atoi(number) // kindOf has seen that it is one
	return version, strings.TrimPrefix(rest, "v:")
}

// judge says whether readers would get it.
func (c *Cache) judge(ctx context.Context, i *Inspection, tags []TagToken) error {
	if i.Why != "" {
		return nil
	}
	gen := &c.records
	if i.Kind == KindValue || i.Kind == KindCounter {
		gen = &c.values
	}
	now, _, err := c.cfg.Store.Get(ctx, gen.key)
	if err != nil {
		return err
	}
	valid := true
	if len(tags) > 0 {
		if valid, err = c.tags.current(ctx, tags); err != nil {
			return err
		}
	}
	_, generation := cutGeneration(i.Physical)
	switch {
	case generation != string(now):
		i.Why = "cleared"
	case !valid:
		i.Why = "purged by tag"
	case !i.Expires.IsZero() && !c.cfg.Now().Before(i.Expires):
		i.Why = "expired"
	default:
		i.Current = true
	}
	return nil
}

// MatchKey reports whether a pattern as that of [Cache.Keys] matches a key.
func MatchKey(pattern, key string) bool { return matchGlob(pattern, key) }

// PhysicalValue returns the key under which the store holds the value of a
// caller's key now: for [Cache.Inspect].
func (c *Cache) PhysicalValue(ctx context.Context, key string, opts ...Option) (string, error) {
	o, err := c.options(opts)
	if err == nil {
		err = checkKey(key)
	}
	if err != nil {
		return "", err
	}
	now, _, err := c.cfg.Store.Get(ctx, c.values.key)
	return inGeneration(c.valueBase(o.version, key), string(now)), err
}

// PhysicalRecord is PhysicalValue for a page, kind 'p', or a fragment, kind 'f'.
func (c *Cache) PhysicalRecord(ctx context.Context, kind byte, key Key) (string, error) {
	now, _, err := c.cfg.Store.Get(ctx, c.records.key)
	return key.physical(c.cfg.Prefix, kind, string(now)), err
}
