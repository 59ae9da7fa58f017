package fragment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/echoic-go/echoic/cache/live"
)

// Cached writes the fragment of that name and with those vary arguments to w:
// the stored bytes, or those that body writes, which are then stored for ttl
// (cache.Forever: until it is purged or evicted; 0: not at all).
//
// Body gets the context that everything in it must be given, since it carries
// the fragment's scope, and a writer that it must not use after it has returned.
// The name stands for the code of body: two bodies must not share one. While
// one body runs, other callers wait for its bytes.
//
// An error of body comes back as it is; then nothing is stored and nothing was
// written to w. A panic of body does the same and goes on. Failures of the
// store are logged and counted, never returned. Errors of its own: a vary
// argument without identity (*VaryError), a negative ttl (ErrBadTTL), an
// unknown cache in Using (cache.ErrUnknownCache), a fragment that contains
// itself (ErrTooDeep), and the end of ctx while waiting.
func (f *Fragments) Cached(ctx context.Context, w io.Writer, name string, ttl time.Duration, vary []any, body func(ctx context.Context, w io.Writer) error) error {
	if err := checkCall(name, ttl); err != nil {
		return err
	}
	if f == nil || ttl == 0 {
		return f.plain(ctx, w, name, body)
	}
	ctx = f.oneAnswer(ctx)
	req, err := f.request(ctx, f.writer(name), ttl, vary)
	if err != nil {
		return err
	}
	return f.write(ctx, w, req, nestOf(ctx), nil, body)
}

func checkCall(name string, ttl time.Duration) error {
	if name == "" {
		return errors.New("fragment: the name is empty: give the fragment a name")
	}
	if _, err := checkTTL(ttl, ttl); err != nil {
		return fmt.Errorf("fragment %q: %w", name, err)
	}
	return nil
}

// write writes one fragment, which may have been looked up ahead.
func (f *Fragments) write(ctx context.Context, w io.Writer, req request, n nest, a *ahead, body func(context.Context, io.Writer) error) error {
	if text, found := f.quick(ctx, &req); found {
		return f.cfg.Live.WriteText(ctx, w, text)
	}
	rec, found := f.look(ctx, &req, a)
	if found {
		return f.cfg.Live.WriteText(ctx, w, rec.Value.Text)
	}
	fl, shared, err := f.start(ctx, req, n, rec)
	if err != nil {
		return err
	}
	if fl == nil {
		return f.cfg.Live.WriteText(ctx, w, shared)
	}
	return fl.record(ctx, w, body)
}

// record runs body, keeps what it wrote, and passes it on under ctx, which is the
// context outside.
func (fl *fill) record(ctx context.Context, w io.Writer, body func(context.Context, io.Writer) error) error {
	// Not from a pool: a body that goes on writing after it has returned must
	// not write into somebody else's page.
	var b live.Buffer
	done := false
	defer func() { // also after a panic and runtime.Goexit
		if !done {
			fl.abort()
		}
	}()
	set := fl.f.cfg.Live
	if err := body(b.In(fl.ctx, set), &b); err != nil {
		return err
	}
	done = true
	fl.end(b.Since(live.Mark{}))
	return set.Deliver(ctx, w, &b)
}

// plain runs body without caching.
func (f *Fragments) plain(ctx context.Context, w io.Writer, name string, body func(context.Context, io.Writer) error) error {
	inner, err := nestOf(ctx).deeper(ctx, name)
	if err != nil {
		return err
	}
	var b live.Buffer
	if err := body(b.In(inner, f.holes()), &b); err != nil {
		return err
	}
	return f.holes().Deliver(ctx, w, &b)
}

// Invalidate removes the fragment of that name and with those vary arguments,
// on all servers that share the tags, in every language, build and template,
// whether a block, a partial or written by Cached. Whatever encloses a fragment
// of that name is made anew too. What is being rendered now from older data is
// not stored. It returns when the store has acknowledged. Nothing there is fine.
func (f *Fragments) Invalidate(ctx context.Context, name string, vary ...any) error {
	tag, err := TagOf(name, vary...)
	if err != nil || f == nil {
		return err
	}
	c := f.cfg.Cache
	if marks, _ := splitMarkers(vary); marks.using != "" {
		if c, err = f.cacheNamed(marks.using); err != nil {
			return fmt.Errorf("fragment %q: %w", name, err)
		}
	}
	// The fragment first: what encloses it must not be made of it once more
	// between the two purges.
	if err = c.Purge(ctx, tag); err == nil {
		err = c.Purge(ctx, tagAny+name)
	}
	if err != nil {
		return fmt.Errorf("fragment %q: invalidate: %w", name, err)
	}
	return nil
}
