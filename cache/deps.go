package cache

import (
	"encoding/binary"
	"time"
)

// Deps is what a cached thing depends on: the record that a [Scope] leaves. It
// is stored beside the thing and said again to the open scope on every hit.
type Deps struct {
	// Tags are the tags it carries, each with the token that it had.
	Tags []TagToken
	// Expires is the earliest instant that somebody asked for explicitly.
	// Zero is never.
	Expires time.Time
	// Private is why it is for one visitor only; empty if it is not.
	Private string
	// Vary is what it varies by, with the values that it was made for.
	Vary []Pair
}

// IsZero reports whether it depends on nothing.
func (d Deps) IsZero() bool {
	return len(d.Tags) == 0 && d.Expires.IsZero() && d.Private == "" && len(d.Vary) == 0
}

// TagToken is a tag and the token that was current when it was used. While the
// tag has the same token it has not been purged.
type TagToken struct {
	Name  string
	Token Token
}

// Token identifies the time between two purges of a tag.
type Token struct {
	ID  uint64 // random
	Seq uint64 // number of the purge that made it, in the order of the domain
}

// IsZero reports whether the token is not known yet.
func (t Token) IsZero() bool { return t == Token{} }

// tokenSize is the length of an encoded token.
const tokenSize = 16

func (t Token) encode() []byte {
	b := make([]byte, 0, tokenSize)
	b = binary.BigEndian.AppendUint64(b, t.ID)
	return binary.BigEndian.AppendUint64(b, t.Seq)
}

// decodeToken reads a stored token; anything odd is the zero token, which is
// never valid.
func decodeToken(b []byte) Token {
	if len(b) != tokenSize {
		return Token{}
	}
	return Token{ID: binary.BigEndian.Uint64(b), Seq: binary.BigEndian.Uint64(b[8:])}
}
