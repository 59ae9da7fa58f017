package templfragment

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

// Cache is a component that renders its children, or what they rendered before.
// A nil f caches nothing. It must be called in a component, since it looks where
// it is called from.
func Cache(f *fragment.Fragments, name string, ttl time.Duration, vary ...any) templ.Component {
	_, file, line, _ := runtime.Caller(1)
	place := fmt.Sprintf("%s:%d", path.Base(file), line)
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		children := templ.GetChildren(ctx)
		ctx = templ.ClearChildren(ctx)
		if rendersParts(ctx) {
			return children.Render(ctx, w)
		}
		c := call{f: f, name: name, ttl: ttl, vary: vary, children: children}
		if _, ok := nonceOf(ctx); ok {
			return c.without(ctx, w, place, "hole")
		}
		switch nonce := templ.GetNonce(ctx); {
		case nonce == "":
			return c.without(ctx, w, place, "")
		case plain(nonce):
			return c.with(ctx, w, place, nonce)
		}
		return children.Render(ctx, w)
	})
}

// call is one use of Cache.
type call struct {
	f        *fragment.Fragments
	name     string
	ttl      time.Duration
	vary     []any
	children templ.Component
}

// args are the vary arguments. Whether there is a nonce is part of the key,
// because templ writes no attribute where there is none.
func (c call) args(place, kind string) []any {
	return append(slices.Clip(c.vary), fragment.Digest("templ "+place+" "+kind))
}

// without is for a page without a nonce, or with one that is a hole.
func (c call) without(ctx context.Context, w io.Writer, place, kind string) error {
	return c.f.Cached(ctx, w, c.name, c.ttl, c.args(place, kind), func(ctx context.Context, w io.Writer) error {
		return writeDocument(ctx, w, c.f, c.children)
	})
}

// with is for a page with one of templ's own: what is kept has places for it. The
// holes of package live are not known there, so that children with some are
// private, as the page with a nonce is anyhow.
func (c call) with(ctx context.Context, w io.Writer, place, nonce string) error {
	var kept bytes.Buffer
	err := c.f.Cached(ctx, &kept, c.name, c.ttl, c.args(place, "nonce"), func(ctx context.Context, w io.Writer) error {
		word := newWord()
		inner := context.WithValue(ownPage(ctx), wordKey{}, holder{word, cache.ScopeOf(ctx)})
		var b bytes.Buffer
		if err := c.children.Render(templ.WithNonce(inner, word), &b); err != nil {
			return err
		}
		_, err := w.Write(punch(b.Bytes(), word))
		return err
	})
	if err != nil {
		return err
	}
	out, holes, err := fill(kept.Bytes(), templ.EscapeString(nonce))
	if err != nil {
		return fmt.Errorf("templfragment: fragment %q: %w", c.name, err)
	}
	if holes > 0 {
		c.nonceUsed(ctx, nonce)
	}
	_, err = w.Write(out)
	return err
}

// nonceUsed makes private what is being made with the nonce, unless that is the
// fragment whose own hole the nonce is.
func (c call) nonceUsed(ctx context.Context, nonce string) {
	h, _ := ctx.Value(wordKey{}).(holder)
	if h.word != nonce || h.scope != cache.ScopeOf(ctx) {
		cache.Private(ctx, "nonce")
	}
}

// wordKey holds the word that stands for the nonce, and the scope of the
// fragment whose holes it marks.
type wordKey struct{}

type holder struct {
	word  string
	scope *cache.Scope
}

// plain reports whether a nonce reads the same in HTML as in the header.
func plain(nonce string) bool {
	return strings.IndexFunc(nonce, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("+/=-_", r)
	}) < 0
}
