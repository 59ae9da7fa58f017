package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/net/http/httpguts"
)

// Field is a header field whose value has holes of kind Token.
type Field struct {
	Name string // canonical
	Text Text
}

// MaxFields is the most header fields with holes of one answer.
const MaxFields = 8

// Part is a part of a header field's value: a text, or else the name of a hole.
type Part struct{ Text, Hole string }

// NewField makes a field of parts. Holes must be of kind Token, texts what a
// header field can hold.
func (s *Set) NewField(name string, parts ...Part) (Field, error) {
	f := Field{Name: http.CanonicalHeaderKey(name)}
	if !httpguts.ValidHeaderFieldName(name) {
		return f, fmt.Errorf("live: %.80q is no name of a header field", name)
	}
	for _, p := range parts {
		if p.Hole == "" {
			f.Text.Bytes = append(f.Text.Bytes, p.Text...)
			continue
		}
		switch h := s.get(p.Hole); {
		case h == nil:
			return f, fmt.Errorf("live: field %s: %w", name, &ValueError{p.Hole, ErrUnknown})
		case h.kind != Token:
			return f, fmt.Errorf("live: field %s: hole %q is of kind %v: only %v can stand in a header", name, p.Hole, h.kind, Token)
		}
		f.Text.Holes = append(f.Text.Holes, Hole{At: len(f.Text.Bytes), Name: p.Hole, Kind: Token})
	}
	return f, f.Check()
}

// Check is for fields that were stored.
func (f Field) Check() error {
	_, outside := NewText(f.Text.Bytes, f.Text.Holes)
	tokens := outside == nil && !slices.ContainsFunc(f.Text.Holes, func(h Hole) bool { return h.Kind != Token })
	if !httpguts.ValidHeaderFieldName(f.Name) || !httpguts.ValidHeaderFieldValue(string(f.Text.Bytes)) || len(f.Text.Holes) == 0 || !tokens {
		return fmt.Errorf("live: field %.80q: a name, a value and at least one hole of kind %v are needed", f.Name, Token)
	}
	return nil
}

// Set sets the field in h, in place of what is there, to the value for the
// visitor of ctx. Under a page cache that is recording, the cache keeps the field
// with its holes.
func (f Field) Set(ctx context.Context, s *Set, h http.Header) error {
	b, err := s.Fill(ctx, nil, f.Text)
	if err != nil {
		return err
	}
	value := string(b)
	h[f.Name] = []string{value}
	if rec := s.RecordingOf(ctx); rec != nil {
		return rec.note(f, value)
	}
	return nil
}

var errFields = errors.New("live: more than 8 header fields with holes")

// note notes a field, in place of an earlier one of its name.
func (r *Recording) note(f Field, value string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live = true
	if i := slices.IndexFunc(r.fields, func(u fieldUse) bool { return u.Name == f.Name }); i >= 0 {
		r.fields[i] = fieldUse{f, value}
		return nil
	}
	if len(r.fields) >= MaxFields {
		return errFields
	}
	r.fields = append(r.fields, fieldUse{f, value})
	return nil
}
