package pagecache

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/echoic-go/echoic/cache"
)

// put stores entry and, for one that varies, the list of variants.
func (x *exchange) put(ctx context.Context, scope *cache.Scope, e *entry, fields []string, why Reason) (*entry, Reason) {
	left := e.keep - ageOf(e, x.p.cfg.Now())
	key := x.key
	if len(fields) > 0 || len(e.pairs) > 0 || x.index != nil && len(x.index.sets) > 0 {
		var index *entry
		if index, key = x.indexFor(fields, e.pairs); index == nil {
			return nil, ReasonVariants
		}
		_, own := x.p.records.Open(cacheless(ctx), x.missed)
		if _, _, err := x.p.records.Put(ctx, x.key, index, own, left); err != nil {
			x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
		}
	}
	deps, reason, err := x.p.records.Put(ctx, key, e, scope, left)
	if err != nil {
		x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
	}
	switch reason {
	case "":
		x.p.tallies.stored(deps.Tags)
		return e, why
	case cache.RefusedStoreAway:
		return e, ReasonStoreFailed
	case cache.RefusedTooLarge:
		return e, ReasonTooLarge
	}
	return nil, ReasonScope // private, or purged meanwhile: nobody else may have it
}

// cacheless is a context without a scope.
func cacheless(ctx context.Context) context.Context { return cache.WithScope(ctx, nil) }

// indexFor returns the list of variants with this request's in it, and the key
// of the variant; nil if there are too many. A response that names other fields
// than the last one makes both count, and other values are tried beside.
func (x *exchange) indexFor(fields []string, pairs []cache.Pair) (*entry, cache.Key) {
	index := &entry{fields: fields}
	if old := x.index; old != nil {
		index.sets = slices.Clone(old.sets)
		index.fields = slices.Compact(slices.Sorted(slices.Values(slices.Concat(old.fields, fields))))
		if slices.Equal(index.fields, old.fields) {
			index.variants = slices.Clone(old.variants)
		}
	}
	names := namesOf(pairs)
	if len(names) > 0 && len(index.sets) == 0 && len(index.variants) > 0 {
		index.sets = [][]string{nil} // those that are there depend on no values
	}
	known := slices.ContainsFunc(index.sets, func(set []string) bool { return slices.Equal(set, names) })
	if !known && (len(names) > 0 || len(index.sets) > 0) {
		index.sets = append(index.sets, names)
	}
	key := withValues(x.variantKey(index.fields), pairs)
	name := shortName(key)
	if !slices.Contains(index.variants, name) {
		index.variants = append(index.variants, name)
	}
	if len(index.variants) > x.p.cfg.MaxVariants || len(index.sets) > maxValueSets {
		return nil, key
	}
	return index, key
}

func shortName(k cache.Key) string {
	sum := sha256.Sum256([]byte(stringsOf(k)))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func stringsOf(k cache.Key) string {
	var b []byte
	for _, f := range k.Fields() {
		b = appendText(b, f)
	}
	return string(b)
}
