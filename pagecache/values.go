package pagecache

import (
	"context"
	"slices"

	"github.com/echoic-go/echoic/cache"
)

// maxValueSets is the most sets of names by whose values the answers of one URL
// are known to vary: lookups try them in turn.
const maxValueSets = 8

// present asks for the reader's values, of his session for example. It is false
// where nobody can tell.
func present(ctx context.Context, names []string) ([]cache.Pair, bool) {
	if len(names) == 0 {
		return nil, true
	}
	source, ok := ctx.Value(cache.VariantsKey{}).(cache.Variants)
	if !ok {
		return nil, false
	}
	pairs := make([]cache.Pair, len(names))
	for i, name := range names {
		p, err := source.Variant(ctx, name)
		if err != nil {
			return nil, false
		}
		p.Name = name
		pairs[i] = p
	}
	return pairs, true
}

// suitsValues reports whether what was made for the pairs is right for the
// reader.
func suitsValues(ctx context.Context, pairs []cache.Pair) bool {
	now, ok := present(ctx, namesOf(pairs))
	return ok && slices.Equal(now, pairs)
}

func namesOf(pairs []cache.Pair) []string {
	names := make([]string, len(pairs))
	for i, p := range pairs {
		names[i] = p.Name
	}
	return names
}

// byName sorts pairs, so that the order in which a handler read them makes no
// difference.
func byName(pairs []cache.Pair) []cache.Pair {
	pairs = slices.Clone(pairs)
	slices.SortFunc(pairs, func(a, b cache.Pair) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return pairs
}

// withValues is the key of a variant by values.
func withValues(key cache.Key, pairs []cache.Pair) cache.Key {
	if len(pairs) == 0 {
		return key
	}
	parts := []string{"values"}
	for _, p := range pairs {
		if p.Absent {
			parts = append(parts, p.Name, "absent", "")
		} else {
			parts = append(parts, p.Name, "present", p.Value)
		}
	}
	return key.With(parts...)
}

// pick looks for the variant of the URL that answers the request: by the fields
// that the index names and, for each set of names, by the reader's values of
// them. The key is that of what was found, or tried last.
func (x *exchange) pick(ctx context.Context, get func(cache.Key) (cache.Record[*entry], bool, error)) (rec cache.Record[*entry], found bool, err error) {
	base := x.variantKey(x.index.fields)
	tried := false
	for _, names := range x.index.sets {
		pairs, ok := present(ctx, names)
		if !ok {
			continue
		}
		x.at, tried = withValues(base, pairs), true
		if rec, found, err = get(x.at); found || err != nil {
			return rec, found, err
		}
	}
	if tried {
		return rec, found, err
	}
	x.at = base
	return get(base)
}

// valueVector is the reader's values by which answers of the URL are known to
// vary, in one text.
func (x *exchange) valueVector() cache.Key {
	var key cache.Key
	if x.index == nil {
		return key
	}
	for _, names := range x.index.sets {
		if pairs, ok := present(x.r.Context(), names); ok {
			key = withValues(key, pairs)
		}
	}
	return key
}
