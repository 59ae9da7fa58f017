package cache

import "context"

// Variants tells the present values of what a cached thing may vary by. The
// context holds it under [VariantsKey]. Asking it makes nothing private.
type Variants interface {
	// Variant returns the present value of name.
	Variant(ctx context.Context, name string) (Pair, error)
}

// VariantsKey is the context key of a [Variants].
type VariantsKey struct{}

// matches reports whether what was made for the pairs suits the reader. Where
// nobody can tell it does not.
func matches(ctx context.Context, pairs []Pair) bool {
	if len(pairs) == 0 {
		return true
	}
	v, ok := ctx.Value(VariantsKey{}).(Variants)
	if !ok {
		return false
	}
	for _, p := range pairs {
		if now, err := v.Variant(ctx, p.Name); err != nil || now != p {
			return false
		}
	}
	return true
}
