package failover_test

import (
	"context"
	"fmt"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/failover"
	"github.com/echoic-go/echoic/cache/memory"
)

// A site's Redis is away: the fallback, here in memory, is in charge.
func Example() {
	ctx := context.Background()
	spare, err := memory.New(memory.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer spare.Close()
	store, err := failover.New(failover.Config{Primary: gone{spare}, Fallback: spare})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	stored, err := store.Set(ctx, "k", []byte("x"), time.Minute, cache.Always)
	fmt.Println(stored, err, store.State())
	value, _, err := store.Get(ctx, "k")
	fmt.Printf("%s %v\n", value, err)
	// Output:
	// true <nil> open
	// x <nil>
}

// gone is a primary that is away.
type gone struct{ *memory.Store }

func (gone) Get(context.Context, string) ([]byte, bool, error) { return nil, false, cache.ErrDegraded }

func (gone) Set(context.Context, string, []byte, time.Duration, cache.When) (bool, error) {
	return false, cache.ErrDegraded
}
