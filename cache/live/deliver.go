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

// Write writes the value of a hole to w, and notes the hole if w belongs to a
// document.
func (s *Set) Write(ctx context.Context, w io.Writer, name string) error {
	var b Buffer
	if err := b.Put(ctx, s, name); err != nil {
		return err
	}
	return s.pass(ctx, w, &b)
}

// WriteText writes a text to w with values in its holes, as Write does.
func (s *Set) WriteText(ctx context.Context, w io.Writer, t Text) error {
	if len(t.Holes) == 0 {
		_, err := w.Write(t.Bytes)
		return err
	}
	var b Buffer
	if err := b.Splice(ctx, s, t); err != nil {
		return err
	}
	return s.pass(ctx, w, &b)
}

// pass writes a part of a document to w.
func (s *Set) pass(ctx context.Context, w io.Writer, b *Buffer) error {
	to, _ := ctx.Value(sinkKey{}).(*sink)
	scope := cache.ScopeOf(ctx)
	if to == nil || to.set != s || to.scope != scope {
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

// Deliver writes a whole document to w: a page, or a part of one that is around.
func (s *Set) Deliver(ctx context.Context, w io.Writer, b *Buffer) error {
	if s == nil {
		_, err := w.Write(b.Bytes())
		return err
	}
	if to, _ := ctx.Value(sinkKey{}).(*sink); to != nil {
		if len(b.fills) > 0 {
			return s.pass(ctx, w, b)
		}
		_, err := w.Write(b.Bytes())
		return err
	}
	rec := s.RecordingOf(ctx)
	switch {
	case rec != nil && rec.scope == cache.ScopeOf(ctx):
		rec.add(b)
	case len(b.fills) > 0:
		s.lose(ctx, nil)
	}
	if len(b.fills) > 0 {
		s.show(ctx)
	}
	_, err := w.Write(b.Bytes())
	return err
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
