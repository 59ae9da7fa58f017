package templfragment

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

// Live is a component that shows the value of a hole of fragment.Config.Live: text
// that every visitor sees in his own way, in a page or fragment that is kept for
// all.
//
//	<header>Signed in as @templfragment.Live(fragments, "username")</header>
//
// Components stand where HTML text does, so both kinds of holes fit. The page
// around must be a [Page], else it becomes private.
func Live(f *fragment.Fragments, name string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error { return f.Live(ctx, w, name) })
}

// Token is [Live] for attributes, and other places where templ wants a string.
// The hole must be of kind live.Token.
//
//	<input type="hidden" name="csrf_token" value={ templfragment.Token(ctx, fragments, "csrf") }/>
//
// In a Page and in [Cache] it returns a random word that the page's own bytes have
// in place of the hole until they are sent. It must come out as it is, in the same
// Page or Cache whose ctx it was given: anything else, and any computation with it,
// is wrong. Elsewhere it returns the value, and what is being made is private.
func Token(ctx context.Context, f *fragment.Fragments, name string) (string, error) {
	if d := documentOf(ctx); d != nil && d.f == f && d.scope == cache.ScopeOf(ctx) && !rendersParts(ctx) {
		if word, ok := d.word(name); ok {
			return word, nil
		}
	}
	var b strings.Builder
	err := f.Token(ctx, &b, name)
	return b.String(), err
}

// Page is a component for a whole page that has holes: the page cache learns where
// they are. Nothing is written if page fails.
//
//	templfragment.Page(fragments, pages.Home(data)).Render(r.Context(), w)
func Page(f *fragment.Fragments, page templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if rendersParts(ctx) {
			return page.Render(ctx, w)
		}
		return f.Page(ctx, w, func(ctx context.Context, w io.Writer) error { return writeDocument(ctx, w, f, page) })
	})
}

type nonceKey struct{}

// WithNonce returns a context in which templ's own nonce, that of templ.GetNonce
// and of the scripts and styles that templ writes, is the hole of this name, of
// kind live.Token, as middleware.Nonce registers it. It counts for the Page that
// is rendered under the context. Unlike one with templ.WithNonce, the page can be
// kept for all visitors.
func WithNonce(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, nonceKey{}, name)
}

func nonceOf(ctx context.Context) (name string, ok bool) {
	name, ok = ctx.Value(nonceKey{}).(string)
	return name, ok
}
