package live

import (
	"bytes"
	"context"
	"errors"

	"github.com/echoic-go/echoic/cache"
)

// Buffer collects a document, and notes where values of holes were written to it.
// The zero value is empty. It is not safe for concurrent use.
type Buffer struct {
	bytes.Buffer
	fills []fill
}

// fill is a value in a document: the offset is that of its first byte.
type fill struct {
	at    int
	name  string
	kind  Kind
	value string
}

// Mark is a position in a Buffer.
type Mark struct{ at, fills int }

// Len is how much was in the buffer.
func (m Mark) Len() int { return m.at }

// Mark returns the end of what is there.
func (b *Buffer) Mark() Mark { return Mark{b.Len(), len(b.fills)} }

// Cut drops everything behind m.
func (b *Buffer) Cut(m Mark) {
	b.Truncate(m.at)
	clear(b.fills[m.fills:])
	b.fills = b.fills[:m.fills]
}

// Reset drops everything.
func (b *Buffer) Reset() { b.Buffer.Reset(); clear(b.fills); b.fills = b.fills[:0] }

// Live reports whether there are holes behind m.
func (b *Buffer) Live(m Mark) bool { return len(b.fills) > m.fills }

var errTooMany = errors.New("live: more than 4096 holes in one page")

// Put writes the value of a hole.
func (b *Buffer) Put(ctx context.Context, s *Set, name string) error {
	value, err := s.Value(ctx, name)
	if err != nil {
		return err
	}
	kind, _ := s.Kind(name)
	return b.put(fill{name: name, kind: kind, value: value})
}

func (b *Buffer) put(f fill) error {
	if len(b.fills) >= MaxHoles {
		return errTooMany
	}
	f.at = b.Len()
	b.fills = append(b.fills, f)
	b.WriteString(f.value)
	return nil
}

// Splice writes a text, with values in its holes.
func (b *Buffer) Splice(ctx context.Context, s *Set, t Text) error {
	if len(t.Holes) == 0 {
		b.Write(t.Bytes)
		return nil
	}
	values, err := s.values(ctx, t.Holes)
	if err != nil {
		return err
	}
	from := 0
	for i, h := range t.Holes {
		b.Write(t.Bytes[from:h.At])
		from = h.At
		if err := b.put(fill{name: h.Name, kind: h.Kind, value: values[i]}); err != nil {
			return err
		}
	}
	b.Write(t.Bytes[from:])
	return nil
}

// Since returns what was written behind m, with holes in place of values. It may
// share memory with the buffer.
func (b *Buffer) Since(m Mark) Text {
	body := b.Bytes()[m.at:]
	if !b.Live(m) {
		return Text{Bytes: body}
	}
	fills := b.fills[m.fills:]
	t := Text{Bytes: make([]byte, 0, len(body)), Holes: make([]Hole, 0, len(fills))}
	from := 0
	for _, f := range fills {
		at := f.at - m.at
		t.Bytes = append(t.Bytes, body[from:at]...)
		t.Holes = append(t.Holes, Hole{At: len(t.Bytes), Name: f.name, Kind: f.kind})
		from = at + len(f.value)
	}
	t.Bytes = append(t.Bytes, body[from:]...)
	return t
}

// sink is the buffer that a document under a context goes to.
type sink struct {
	set   *Set
	scope *cache.Scope // what it is made for
	buf   *Buffer
}

type sinkKey struct{}

// In returns a context for what writes to b: holes are noted there that end up at
// its end. The scope must be open already.
func (b *Buffer) In(ctx context.Context, s *Set) context.Context {
	if s.Empty() {
		return ctx
	}
	return context.WithValue(ctx, sinkKey{}, &sink{s, cache.ScopeOf(ctx), b})
}
