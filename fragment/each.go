package fragment

import (
	"context"
	"io"
	"slices"
	"time"
)

// Each writes a fragment for every item, in order, as [Fragments.Cached] would,
// but looks all of them up in one trip to the store (in steps of 1000). vary
// says what the fragment of an item varies by; nil is the item itself, which
// then needs an identity: a CacheKey() string method, for example.
func Each[T any](
	ctx context.Context, f *Fragments, w io.Writer, name string, ttl time.Duration,
	items []T, vary func(item T) []any, body func(ctx context.Context, w io.Writer, item T) error,
) error {
	if err := checkCall(name, ttl); err != nil {
		return err
	}
	if vary == nil {
		vary = func(item T) []any { return []any{item} }
	}
	of := func(item T) func(context.Context, io.Writer) error {
		return func(ctx context.Context, w io.Writer) error { return body(ctx, w, item) }
	}
	ctx = f.oneAnswer(ctx)
	for chunk := range slices.Chunk(items, maxAhead) {
		if f == nil || ttl == 0 {
			for _, item := range chunk {
				if err := f.plain(ctx, w, name, of(item)); err != nil {
					return err
				}
			}
			continue
		}
		var reqs []request
		n := nestOf(ctx)
		a := ahead{owner: n.owner}
		for _, item := range chunk {
			req, err := f.request(ctx, f.writer(name), ttl, vary(item))
			if err != nil {
				return err
			}
			reqs = append(reqs, req)
		}
		if f.remote {
			a.wanted = slices.DeleteFunc(slices.Clone(reqs), func(r request) bool { return r.alone })
			f.fetch(ctx, &a)
		}
		for i, item := range chunk {
			if err := f.write(ctx, w, reqs[i], n, &a, of(item)); err != nil {
				return err
			}
		}
	}
	return nil
}
