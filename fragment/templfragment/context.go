package templfragment

import (
	"context"
	"io"
	"sync"

	"github.com/a-h/templ"
)

// templ's keys in the context are its own. They are learned by watching what it
// asks a context for.
var keys = sync.OnceValue(func() (k struct{ page, parts any }) {
	var asked watch
	templ.GetNonce(&asked)
	k.page = asked.first
	asked = watch{}
	_ = templ.Fragment(nil).Render(&asked, io.Discard)
	k.parts = asked.first
	return k
})

// watch is a context that remembers the first key that it is asked for.
type watch struct {
	nothing
	first any
}

type nothing struct{ context.Context }

func (w *watch) Value(key any) any {
	if w.first == nil {
		w.first = key
	}
	return nil
}

// rendersParts reports whether templ.RenderFragments is at work.
func rendersParts(ctx context.Context) bool {
	parts, ok := ctx.Value(keys().parts).(*templ.FragmentContext)
	return ok && parts != nil
}

// ownPage returns a context in which templ begins a new page.
func ownPage(ctx context.Context) context.Context { return templ.InitializeContext(newPage{ctx}) }

type newPage struct{ context.Context }

func (p newPage) Value(key any) any {
	if key == keys().page {
		return nil
	}
	return p.Context.Value(key)
}
