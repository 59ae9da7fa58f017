package pagecache

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"

	"github.com/zeebo/xxh3"
)

// bodyTags makes validators of bodies: the same bytes in the same coding give the
// same one.
//
// A validator needs no cryptographic strength as long as nobody can aim at it. Who
// writes a part of a page could else make a version whose validator is that of the
// one before, and keep browsers from ever seeing what was corrected. XXH3 with a
// seed that nobody knows takes a tenth of the time of SHA-256, which is a third of
// what storing a page costs. The seed follows from Config.Secret, so that all
// servers agree; without one a store inside the process has a seed of its own, and
// for stores that servers share SHA-256 is left.
type bodyTags struct {
	seeded bool
	seed   uint64
}

func newBodyTags(secret []byte, local bool) bodyTags {
	switch {
	case len(secret) > 0:
		sum := sha256.Sum256(append([]byte("pagecache validators\n"), secret...))
		return bodyTags{true, binary.BigEndian.Uint64(sum[:])}
	case local:
		var b [8]byte
		rand.Read(b[:]) // never fails
		return bodyTags{true, binary.BigEndian.Uint64(b[:])}
	}
	return bodyTags{}
}

func (t bodyTags) of(h http.Header, body []byte) string {
	if !t.seeded {
		return bodyTag(h, body)
	}
	sum := xxh3.Hash128Seed(body, t.seed)
	kind := xxh3.HashStringSeed(first(h["Content-Type"])+"\n"+first(h["Content-Encoding"]), t.seed+1)
	sum.Hi, sum.Lo = sum.Hi^kind, sum.Lo+kind
	b := sum.Bytes()
	return quotedTag(b[:])
}

// bodyTag is the one that needs no secret.
func bodyTag(h http.Header, body []byte) string {
	sum := sha256.New()
	_, _ = io.WriteString(sum, first(h["Content-Type"])+"\n"+first(h["Content-Encoding"])+"\n")
	sum.Write(body)
	var room [sha256.Size]byte
	return quotedTag(sum.Sum(room[:0]))
}

func quotedTag(sum []byte) string {
	tag := append(make([]byte, 0, 22), '"')
	tag = base64.RawURLEncoding.AppendEncode(tag, sum[:15])
	return string(append(tag, '"'))
}
