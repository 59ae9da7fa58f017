package live

import (
	"context"
	"encoding/binary"
	"slices"
)

// MaxHoles is the most holes of one page or fragment.
const MaxHoles = 4096

// Hole is a place in a text: the value goes before the byte at the offset.
type Hole struct {
	At   int
	Name string
	Kind Kind
}

// Text is bytes with holes, in the order of their offsets. It is immutable.
type Text struct {
	Bytes []byte
	Holes []Hole
}

// IsZero reports whether there is no text, which is not an empty one.
func (t Text) IsZero() bool { return t.Bytes == nil }

// Clone returns a copy that shares nothing. It is never zero.
func (t Text) Clone() Text {
	return Text{Bytes: append(make([]byte, 0, len(t.Bytes)), t.Bytes...), Holes: slices.Clone(t.Holes)}
}

// Size is about the memory that the holes take, in bytes.
func (t Text) Size() int { return SizeOf(t.Holes) }

// SizeOf is about the memory that holes take, in bytes.
func SizeOf(holes []Hole) int {
	size := 0
	for _, h := range holes {
		size += 32 + len(h.Name)
	}
	return size
}

// Fill appends the text to b with the values of the visitor of ctx in the holes.
// After an error b is as it was.
func (s *Set) Fill(ctx context.Context, b []byte, t Text) ([]byte, error) {
	values, err := s.values(ctx, t.Holes)
	if err != nil {
		return b, err
	}
	size := len(t.Bytes)
	for _, v := range values {
		size += len(v)
	}
	return t.fill(slices.Grow(b, size), values), nil
}

// Knows reports whether all holes are of the set, and of the same kind.
func (s *Set) Knows(holes []Hole) bool {
	for _, h := range holes {
		if kind, ok := s.Kind(h.Name); !ok || kind != h.Kind {
			return false
		}
	}
	return true
}

// values returns those of all holes. A hole that is not registered any more, or
// is of another kind, is an error: the text was made by another program.
func (s *Set) values(ctx context.Context, holes []Hole) ([]string, error) {
	values := make([]string, len(holes))
	for i, h := range holes {
		if kind, ok := s.Kind(h.Name); !ok || kind != h.Kind {
			return nil, &ValueError{h.Name, ErrUnknown}
		}
		var err error
		if values[i], err = s.Value(ctx, h.Name); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (t Text) fill(b []byte, values []string) []byte {
	from := 0
	for i, h := range t.Holes {
		b = append(append(b, t.Bytes[from:h.At]...), values[i]...)
		from = h.At
	}
	return append(b, t.Bytes[from:]...)
}

// AppendHoles encodes holes: their number, and of each the distance from the one
// before, its kind and its name.
func AppendHoles(b []byte, holes []Hole) []byte {
	b = binary.AppendUvarint(b, uint64(len(holes)))
	at := 0
	for _, h := range holes {
		b = binary.AppendUvarint(b, uint64(h.At-at))
		b = append(b, byte(h.Kind), byte(len(h.Name)))
		b = append(b, h.Name...)
		at = h.At
	}
	return b
}

// CutHoles decodes what AppendHoles wrote at the front of b and returns what
// follows. It takes any bytes: what is not holes is ErrDamaged.
func CutHoles(b []byte) (holes []Hole, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > MaxHoles {
		return nil, nil, ErrDamaged
	}
	b = b[size:]
	at := uint64(0)
	for range n {
		distance, size := binary.Uvarint(b)
		if size <= 0 || distance > 1<<31 || len(b) < size+2 {
			return nil, nil, ErrDamaged
		}
		kind, length := Kind(b[size]), int(b[size+1])
		b = b[size+2:]
		if len(b) < length || !validName(string(b[:length])) || kind != Token && kind != HTML {
			return nil, nil, ErrDamaged
		}
		at += distance
		holes = append(holes, Hole{At: int(at), Name: string(b[:length]), Kind: kind})
		b = b[length:]
	}
	return holes, b, nil
}

// NewText puts decoded holes into their bytes. One outside of them is ErrDamaged.
func NewText(b []byte, holes []Hole) (Text, error) {
	for i, h := range holes {
		if h.At < 0 || h.At > len(b) || i > 0 && h.At < holes[i-1].At {
			return Text{}, ErrDamaged
		}
	}
	return Text{Bytes: b, Holes: holes}, nil
}
