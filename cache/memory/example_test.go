package memory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

func Example() {
	ctx := context.Background()
	store, err := memory.New(memory.Config{MaxEntries: 10_000, MaxBytes: 256 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	stored, err := store.Set(ctx, "quote:1", []byte("To be, or not to be"), time.Minute, cache.Always)
	fmt.Println(stored, err)
	value, found, err := store.Get(ctx, "quote:1")
	fmt.Printf("%s %v %v\n", value, found, err)
	fmt.Println(store.Len(), store.Bytes() > int64(len(value)), store.Evictions())
	// Output:
	// true <nil>
	// To be, or not to be true <nil>
	// 1 true 0
}
