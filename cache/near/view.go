package near

import (
	"context"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// View is a [Tier] seen as holding values of type T. Under each key there should
// be values of one type only; one of another type is a miss. Pointers are held
// as they are, and must not be written through; other types cost an allocation
// on the way in.
type View[T any] struct{ near cache.Near }

// Of returns the view of a tier.
func Of[T any](tier cache.Near) View[T] { return View[T]{near: tier} }

// Get returns what is held for key, also if the tier is unverified.
func (v View[T]) Get(key string) (value T, found bool) {
	held, _ := v.near.Get(key)
	value, found = held.(T)
	return value, found
}

// Load returns what is held for key, if that is verified, and else what load
// returns, which it keeps for ttl at most: not longer than the store does, which
// says nothing when a value expires. load reads the store; it also returns the
// weight of the value in bytes. Its error is returned as it is, and nothing is
// kept then. Several calls for one key that miss at once each call load.
func (v View[T]) Load(ctx context.Context, key string, ttl time.Duration, load func(ctx context.Context) (value T, size int, err error)) (T, error) {
	if v.near.Verified() {
		if value, found := v.Get(key); found {
			return value, nil
		}
	}
	stamp := v.near.Stamp(key) // before the read
	value, size, err := load(ctx)
	if err != nil {
		var zero T
		return zero, err
	}
	v.near.Put(key, value, size, ttl, stamp)
	return value, nil
}
