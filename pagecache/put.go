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
	if len(fields) > 0 {
		var index *entry
		if index, key = x.indexFor(fields); index == nil {
			return nil, ReasonVariants
		}
		_, own := x.p.records.Open(cacheless(ctx), x.missed)
		if _, _, err := x.p.records.Put(ctx, x.key, index, own, left); err != nil {
			x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
		}
	}
	_, reason, err := x.p.records.Put(ctx, key, e, scope, left)
	if err != nil {
		x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
	}
	switch reason {
	case "":
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
// than the last one makes both count.
func (x *exchange) indexFor(fields []string) (*entry, cache.Key) {
	index := &entry{fields: fields}
	if old := x.index; old != nil {
		index.fields = slices.Compact(slices.Sorted(slices.Values(slices.Concat(old.fields, fields))))
		if slices.Equal(index.fields, old.fields) {
			index.variants = slices.Clone(old.variants)
		}
	}
	key := x.variantKey(index.fields)
	name := shortName(key)
	if !slices.Contains(index.variants, name) {
		if len(index.variants) >= x.p.cfg.MaxVariants {
			return nil, key
		}
		index.variants = append(index.variants, name)
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
