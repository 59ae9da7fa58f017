package fragment

import (
	"context"
	"fmt"
	"io"

	"github.com/echoic-go/echoic/cache/live"
)

// holes returns the set of holes, or nil.
func (f *Fragments) holes() *live.Set {
	if f == nil {
		return nil
	}
	return f.cfg.Live
}

// oneAnswer returns a context under which a hole has one value.
func (f *Fragments) oneAnswer(ctx context.Context) context.Context {
	if set := f.holes(); !set.Empty() {
		ctx, _ = set.WithValues(ctx)
	}
	return ctx
}

// Live writes the value of a hole of Config.Live to w, the writer that the body
// of Cached, Each or Page got, or one that an engine put before it. It is for
// engines other than html/template, whose templates say {{ live "name" }}; who
// writes must know that the place is one where values of the hole's kind may
// stand.
func (f *Fragments) Live(ctx context.Context, w io.Writer, name string) error {
	return f.holes().Write(ctx, w, name)
}

// Token is Live for places where only holes of kind live.Token may stand, such as
// quoted attributes: another kind is an error.
func (f *Fragments) Token(ctx context.Context, w io.Writer, name string) error {
	if kind, known := f.holes().Kind(name); known && kind != live.Token {
		return fmt.Errorf("fragment: hole %q is of kind %v: only %v can stand here", name, kind, live.Token)
	}
	return f.Live(ctx, w, name)
}

// Page writes what body writes to w, all of it or, after an error, nothing. It is
// for pages of other engines that have holes, in fragments or beside: the page
// cache keeps them only if it is told where in the page they are. Body gets the
// context that everything in it must be given. A page may be made by more than
// one call, if nothing is written to w in between.
func (f *Fragments) Page(ctx context.Context, w io.Writer, body func(ctx context.Context, w io.Writer) error) error {
	ctx = f.oneAnswer(ctx)
	var b live.Buffer
	if err := body(b.In(ctx, f.holes()), &b); err != nil {
		return err
	}
	return f.holes().Deliver(ctx, w, &b)
}
