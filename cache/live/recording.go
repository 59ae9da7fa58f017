package live

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/echoic-go/echoic/cache"
)

// Recording notes the holes of one answer while its handler runs, for the page
// cache that keeps it. It is safe for concurrent use.
type Recording struct {
	set    *Set
	scope  *cache.Scope
	values *Values

	mu     sync.Mutex
	live   bool // some piece or field has holes
	pieces []piece
	fields []fieldUse
}

// piece is a document that was written.
type piece struct {
	length int // of its bytes, with values
	text   Text
	values []string // in the holes
}

type fieldUse struct {
	Field
	value string
}

type recordingKey struct{ set *Set }

// Record returns a context for a handler whose answer is recorded: under the
// innermost scope of ctx, and no other. For an answer that only the store gets,
// blank spares the functions of holes.
func (s *Set) Record(ctx context.Context, blank bool) (context.Context, *Recording) {
	ctx, values := s.WithValues(ctx)
	if blank {
		values = &Values{set: s, blank: true}
		ctx = context.WithValue(ctx, valuesKey{s}, values)
	}
	rec := &Recording{set: s, scope: cache.ScopeOf(ctx), values: values}
	return context.WithValue(ctx, recordingKey{s}, rec), rec
}

// RecordingOf returns the recording under way, or nil.
func (s *Set) RecordingOf(ctx context.Context) *Recording {
	rec, _ := ctx.Value(recordingKey{s}).(*Recording)
	return rec
}

// Live reports whether the answer has holes, or values that were in holes. A nil
// Recording has none.
func (r *Recording) Live() bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live || r.values.Shown()
}

// pieceOf returns what there is to note of a document with holes.
func pieceOf(b *Buffer) piece {
	p := piece{length: b.Len(), text: b.Since(Mark{})}
	for _, f := range b.fills {
		p.values = append(p.values, f.value)
	}
	return p
}

// add notes a document. Of one without holes only its length counts.
func (r *Recording) add(p piece) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live = r.live || len(p.values) > 0
	if len(r.pieces) <= maxPieces {
		r.pieces = append(r.pieces, p)
	}
}

// maxPieces is how many documents may make one answer. With more it is not kept.
const maxPieces = 64

// Text returns body with holes in place of the values. It is false if body is not
// exactly what was written, one document after the other: then nobody knows where
// the values went.
func (r *Recording) Text(body []byte) (t Text, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.pieces) > maxPieces {
		return t, false
	}
	t.Bytes = make([]byte, 0, len(body))
	for _, p := range r.pieces {
		if len(body) < p.length {
			return t, false
		}
		if len(p.values) == 0 {
			t.Bytes = append(t.Bytes, body[:p.length]...)
		} else {
			if !bytes.Equal(p.text.fill(make([]byte, 0, p.length), p.values), body[:p.length]) {
				return t, false
			}
			for _, h := range p.text.Holes {
				h.At += len(t.Bytes)
				t.Holes = append(t.Holes, h)
			}
			t.Bytes = append(t.Bytes, p.text.Bytes...)
		}
		body = body[p.length:]
	}
	if len(t.Holes) == 0 { // of header fields only: the body is anybody's
		t.Bytes = append(t.Bytes, body...)
		return t, true
	}
	return t, len(body) == 0 && len(t.Holes) <= MaxHoles
}

// Fields returns the fields of h that have holes. It is false if one of them is
// not as it was set.
func (r *Recording) Fields(h http.Header) (fields []Field, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.fields {
		if !slices.Equal(h[f.Name], []string{f.value}) {
			return nil, false
		}
		fields = append(fields, f.Field)
	}
	return fields, true
}
