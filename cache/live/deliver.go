package live

import (
	"bytes"
	"context"
	"io"

	"github.com/echoic-go/echoic/cache"
)

// A hole is worth something only as long as it is known where in the page it
// ends up. Whoever writes one says so to what is around: the Buffer of a
// document, or the Recording of the page. Where the place cannot be told, the
// value stays in the page, which becomes private.

// reason is what explanations say of such a page.
const reason = "hole in an unknown place"

// Write writes the value of a hole to w, and notes the hole.
func (s *Set) Write(ctx context.Context, w io.Writer, name string) error {
	var b Buffer
	if err := b.Put(ctx, s, name); err != nil {
		return err
	}
	return s.Deliver(ctx, w, &b)
}

// WriteText writes a text to w, with values in its holes, and notes them.
func (s *Set) WriteText(ctx context.Context, w io.Writer, t Text) error {
	if len(t.Holes) == 0 {
		s.noteLength(ctx, len(t.Bytes))
		_, err := w.Write(t.Bytes)
		return err
	}
	var b Buffer
	if err := b.Splice(ctx, s, t); err != nil {
		return err
	}
	return s.Deliver(ctx, w, &b)
}

// Deliver writes a document to w: a page, or a part of the document that w belongs
// to.
func (s *Set) Deliver(ctx context.Context, w io.Writer, b *Buffer) error {
	if len(b.fills) == 0 {
		s.noteLength(ctx, b.Len())
		_, err := w.Write(b.Bytes())
		return err
	}
	if to, _ := ctx.Value(sinkKey{}).(*sink); to != nil {
		return s.pass(ctx, w, b, to)
	}
	if rec := s.RecordingOf(ctx); rec != nil && rec.scope == cache.ScopeOf(ctx) {
		rec.add(pieceOf(b))
	} else {
		s.lose(ctx, nil)
	}
	s.show(ctx)
	_, err := w.Write(b.Bytes())
	return err
}

// noteLength notes a document without holes: it may stand before one with some.
func (s *Set) noteLength(ctx context.Context, length int) {
	if s == nil || ctx.Value(sinkKey{}) != nil {
		return
	}
	if rec := s.RecordingOf(ctx); rec != nil && rec.scope == cache.ScopeOf(ctx) {
		rec.add(piece{length: length})
	}
}

// pass writes a part of a document to w, which is the document's buffer, or what
// an engine writes through to it.
func (s *Set) pass(ctx context.Context, w io.Writer, b *Buffer, to *sink) error {
	fits := to.set == s && to.scope == cache.ScopeOf(ctx)
	if !fits {
		s.lose(ctx, to)
		_, err := w.Write(b.Bytes())
		return err
	}
	if err := flush(w); err != nil {
		return err
	}
	at := to.buf.Len()
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	if err := flush(w); err != nil {
		return err
	}
	if to.buf.Len() != at+b.Len() || !bytes.Equal(to.buf.Bytes()[at:], b.Bytes()) || len(to.buf.fills)+len(b.fills) > MaxHoles {
		s.lose(ctx, to)
		return nil
	}
	for _, f := range b.fills {
		f.at += at
		to.buf.fills = append(to.buf.fills, f)
	}
	return nil
}

// flush lets what engines buffer arrive in the document.
func flush(w io.Writer) error {
	if f, ok := w.(interface{ Flush() error }); ok {
		return f.Flush()
	}
	return nil
}

// Lost says that values of holes are in what is made under ctx, nobody knows where.
func (s *Set) Lost(ctx context.Context) {
	to, _ := ctx.Value(sinkKey{}).(*sink)
	s.lose(ctx, to)
}

// lose is for a value whose place is not known: whatever may hold it is private.
func (s *Set) lose(ctx context.Context, to *sink) {
	s.show(ctx)
	cache.ScopeOf(ctx).Private(reason)
	if to != nil {
		to.scope.Private(reason)
	}
	if rec := s.RecordingOf(ctx); rec != nil {
		rec.scope.Private(reason)
	}
}

// show notes that the answer has the value of a hole.
func (s *Set) show(ctx context.Context) {
	if v := s.valuesOf(ctx); v != nil {
		v.shown.Store(true)
	}
}
