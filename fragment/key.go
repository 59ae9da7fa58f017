package fragment

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// The kinds of fragment. One name may be used by all of them: their keys
// differ, and Invalidate reaches all of them.
const (
	kindBlock   = "block"   // {{ if cache }}
	kindPartial = "partial" // {{ partialCached }}
	kindWriter  = "writer"  // Fragments.Cached
)

// Using among the vary arguments names the cache (of Config.Caches) that keeps
// the fragment, in place of the default one. In templates it is the function
// using: {{ if cache "top" "1h" (using "shared") }}. It is part of the key, but
// not of what Invalidate asks for.
type Using string

// Digest among the vary arguments of Cached and Each says what code or template
// makes the body, for engines that know it, so that another version has another
// key. Like Using it is not part of what Invalidate asks for.
type Digest string

// identity is what a fragment is, apart from what it varies by. Fragments of
// templates get theirs when the set is loaded.
type identity struct {
	name    string
	outside string    // the tag of what encloses it
	key     cache.Key // name, hash of salt, kind and digest
	hash    uint64    // for hotKeys
}

func (f *Fragments) identity(kind, name, digest string) *identity {
	if f == nil {
		return nil
	}
	// The name in clear, for those who look at keys; the rest hashed once, so
	// that there is less to hash for every hit.
	sum := sha256.Sum256(appendFramed(appendFramed(appendFramed(append([]byte(nil), entryFormat), f.salt), kind), digest))
	return &identity{
		name: name, outside: tagAny + name, key: cache.NewKey(name, string(sum[:])), hash: maphash.Bytes(f.hot.seed, sum[:]) ^ maphash.String(f.hot.seed, name),
	}
}

// maxWriters bounds the names of Cached that are remembered; they are few where
// they stand for code.
const maxWriters = 1024

// writer returns the identity of a fragment of Cached.
func (f *Fragments) writer(name string) *identity {
	f.mu.RLock()
	id := f.writers[name]
	f.mu.RUnlock()
	if id != nil {
		return id
	}
	id = f.identity(kindWriter, name, "")
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.writers) < maxWriters {
		f.writers[name] = id
	}
	return id
}

// request is one call for a fragment.
type request struct {
	id   *identity
	recs *shelf
	base cache.Key // without variants by value
	key  cache.Key
	hot  *hotKey // of base, if it is known
	ttl  time.Duration
	vary []any // without Using and Digest
	// alone: the values that the fragment is known to vary by cannot be told
	// for this reader, so that nothing is looked up, shared or stored.
	alone bool
	ended uint64 // of locks, before the last lookup
}

func (f *Fragments) request(ctx context.Context, id *identity, ttl time.Duration, vary []any) (request, error) {
	marks, vary := splitMarkers(vary)
	req := request{id: id, recs: f.records, ttl: ttl, vary: vary}
	if marks.using != "" {
		recs, err := f.using(marks.using)
		if err != nil {
			return req, fmt.Errorf("fragment %q: %w", id.name, err)
		}
		req.recs = recs
	}
	var site []string
	if f.cfg.Vary != nil {
		site = f.cfg.Vary(ctx)
	}
	var stack [256]byte
	b := appendFramed(appendFramed(stack[:0], marks.using), marks.digest)
	b = binary.AppendUvarint(b, uint64(len(site)))
	for _, s := range site {
		b = appendFramed(b, s)
	}
	b, err := encodeVary(b, id.name, vary)
	if err != nil {
		return req, err
	}
	if req.hot = f.hot.of(id, b); req.hot != nil {
		req.base = req.hot.key
	} else {
		req.base = id.key.With(string(b))
	}
	f.variants.choose(ctx, &req)
	return req, nil
}

// markers are what stands among the vary arguments, but is none.
type markers struct{ using, digest string }

// splitMarkers takes Using and Digest off the arguments; of several the last
// counts.
func splitMarkers(vary []any) (m markers, rest []any) {
	isMarker := func(v any) bool {
		switch v.(type) {
		case Using, Digest:
			return true
		}
		return false
	}
	if !slices.ContainsFunc(vary, isMarker) {
		return m, vary
	}
	for _, v := range vary {
		switch v := v.(type) {
		case Using:
			m.using = string(v)
		case Digest:
			m.digest = string(v)
		default:
			rest = append(rest, v)
		}
	}
	return m, rest
}

// Tags of our own. Every fragment carries one that its name and vary arguments
// make, whatever its template or build, so that Invalidate finds it. It stays
// with the fragment: what encloses it carries the tag of the name alone, else
// a table of cached rows would soon have more tags than an entry can hold.
const (
	tagOne = "fragment-key:" // followed by name:hash
	tagAny = "fragment:"     // followed by the name
)

// TagOf returns the tag that the fragment of that name and with those vary
// arguments carries, in all languages, builds and templates. Purging it removes
// the fragment, but leaves what encloses it: [Fragments.Invalidate] does both.
func TagOf(name string, vary ...any) (string, error) {
	_, vary = splitMarkers(vary)
	var stack [256]byte
	b, err := encodeVary(appendFramed(stack[:0], name), name, vary)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return tagOne + name + ":" + base64.RawURLEncoding.EncodeToString(sum[:16]), nil
}
