package cache

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// MaxKeyBytes is the longest key that a caller may use.
const MaxKeyBytes = 4 << 10

const (
	longName = 200 // a name above it is cut …
	headName = 150 // … to this many bytes, and a hash
	hashMark = "~"
)

// checkKey refuses what cannot be a key.
func checkKey(key string) error {
	switch {
	case key == "":
		return &KeyError{Key: key, Reason: "it is empty"}
	case len(key) > MaxKeyBytes:
		return &KeyError{Key: key, Reason: fmt.Sprintf("it has %d bytes, at most %d are allowed: shorten or hash it", len(key), MaxKeyBytes)}
	case strings.IndexByte(key, 0) >= 0:
		return &KeyError{Key: key, Reason: "it holds a NUL byte"}
	case !utf8.ValidString(key):
		return &KeyError{Key: key, Reason: "it is not UTF-8"}
	}
	return nil
}

// keyName makes a caller's key readable in the store: printable ASCII stays,
// other bytes and % become %XX, long names end in a hash.
func keyName(key string) string {
	name := escapeName(key)
	if len(name) <= longName && !strings.Contains(name, hashMark) {
		return name
	}
	return name[:min(len(name), headName)] + hashMark + hash([]byte(key))
}

func escapeName(key string) string {
	plain := true
	for i := range len(key) {
		if c := key[i]; c <= ' ' || c > '~' || c == '%' {
			plain = false
			break
		}
	}
	if plain {
		return key
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(key) {
		if c := key[i]; c <= ' ' || c > '~' || c == '%' {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescapeName is the opposite of escapeName; ok is false for a name with a
// hash, whose key is known only to the envelope.
func unescapeName(name string) (key string, ok bool) {
	if strings.Contains(name, hashMark) {
		return "", false
	}
	if strings.IndexByte(name, '%') < 0 {
		return name, true
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '%' {
			b.WriteByte(name[i])
			continue
		}
		if i+2 >= len(name) {
			return "", false
		}
		n, err := strconv.ParseUint(name[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), true
}

// hash is the last part of names that nobody needs to read.
func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// valueBase is the physical key of a value without its generation.
func (c *Cache) valueBase(version int, key string) string {
	return c.valuePrefix(version) + keyName(key)
}

func (c *Cache) valuePrefix(version int) string {
	return c.cfg.Prefix + ":" + strconv.Itoa(version) + ":v:"
}

// inGeneration is the physical key. Every entry carries the generation at its
// end, so that Clear takes effect at once on all of them, counters included,
// and the readable part still comes first.
func inGeneration(base, generation string) string { return base + "@" + generation }

// cutGeneration is the opposite of inGeneration.
func cutGeneration(physical string) (base, generation string) {
	if i := strings.LastIndexByte(physical, '@'); i >= 0 {
		return physical[:i], physical[i+1:]
	}
	return physical, ""
}

// Key identifies a page or a fragment: a sequence of fields, hashed for the
// store and compared in full on every read.
type Key struct {
	framed string
	forms  *forms // of a key that is kept
}

// forms is where a key that is kept remembers its form in the store.
type forms struct{ last atomic.Pointer[form] }

type form struct {
	prefix, generation, physical string
	kind                         byte
}

// Hot returns the key in a form that is to be kept and looked up again and
// again: it remembers its form in the store, so that lookups neither hash nor
// allocate. Two hot keys of the same fields are not ==.
func (k Key) Hot() Key { return Key{framed: k.framed, forms: new(forms)} }

// NewKey makes a key of fields. The same fields in the same order are the same
// key; ("a", "b") is not ("ab").
func NewKey(fields ...string) Key { return Key{}.With(fields...) }

// With returns the key with further fields at its end.
func (k Key) With(fields ...string) Key {
	size := len(k.framed)
	for _, f := range fields {
		size += len(f) + binary.MaxVarintLen32
	}
	var b strings.Builder
	b.Grow(size)
	b.WriteString(k.framed)
	var length [binary.MaxVarintLen64]byte
	for _, f := range fields {
		b.Write(length[:binary.PutUvarint(length[:], uint64(len(f)))])
		b.WriteString(f)
	}
	return Key{framed: b.String()}
}

// IsZero reports whether the key has no fields.
func (k Key) IsZero() bool { return k.framed == "" }

// Fields returns what the key was made of.
func (k Key) Fields() []string {
	var fields []string
	for d := (decoder{b: []byte(k.framed)}); len(d.b) > 0; {
		fields = append(fields, d.str())
	}
	return fields
}

// physical is the key of kind in the store.
func (k Key) physical(prefix string, kind byte, generation string) string {
	if k.forms == nil {
		return k.hashed(prefix, kind, generation)
	}
	if f := k.forms.last.Load(); f != nil && f.kind == kind && f.prefix == prefix && f.generation == generation {
		return f.physical
	}
	f := &form{prefix: prefix, kind: kind, generation: generation, physical: k.hashed(prefix, kind, generation)}
	k.forms.last.Store(f)
	return f.physical
}

// hashed builds it in one piece: it is made for every hit.
func (k Key) hashed(prefix string, kind byte, generation string) string {
	var room [256]byte
	sum := sha256.Sum256(append(room[:0], k.framed...))
	b := append(room[:0], prefix...)
	b = append(b, ':', kind, ':')
	b = base64.RawURLEncoding.AppendEncode(b, sum[:])
	b = append(b, '@')
	return string(append(b, generation...))
}

// base is physical without the generation.
func (k Key) base(prefix string, kind byte) string {
	base, _ := cutGeneration(k.physical(prefix, kind, ""))
	return base
}
