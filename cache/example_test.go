package cache_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

func exampleCache() *cache.Cache {
	store, err := memory.New(memory.Config{})
	if err != nil {
		panic(err)
	}
	c, err := cache.New(cache.Config{Store: store, Prefix: "shop"})
	if err != nil {
		panic(err)
	}
	return c
}

func Example() {
	ctx := context.Background()
	c := exampleCache()
	defer c.Close()

	price := cache.Of[float64](c)
	load := func(context.Context) (float64, error) {
		fmt.Println("loading")
		return 12.5, nil
	}
	for range 2 {
		v, err := price.GetOrSet(ctx, "book:7:price", load, cache.TTL(time.Hour), cache.WithTags("book:7"))
		fmt.Println(v, err)
	}
	fmt.Println(c.Purge(ctx, "book:7"))
	_, found, _ := price.Get(ctx, "book:7:price")
	fmt.Println("found:", found)
	// Output:
	// loading
	// 12.5 <nil>
	// 12.5 <nil>
	// <nil>
	// found: false
}

func ExampleTyped_Add() {
	ctx := context.Background()
	c := exampleCache()
	defer c.Close()
	names := cache.Of[string](c)
	first, _ := names.Add(ctx, "winner", "anna")
	second, _ := names.Add(ctx, "winner", "bert")
	who, _, _ := names.Get(ctx, "winner")
	fmt.Println(first, second, who)
	// Output: true false anna
}

func ExampleCache_IncrWithTTL() {
	ctx := context.Background()
	c := exampleCache()
	defer c.Close()
	_, err := c.Incr(ctx, "visits", 1)
	fmt.Println(errors.Is(err, cache.ErrNotFound))
	for range 3 {
		n, _ := c.IncrWithTTL(ctx, "visits", 1, cache.TTL(time.Minute))
		fmt.Println(n)
	}
	// Output:
	// true
	// 1
	// 2
	// 3
}

func ExampleOpen() {
	ctx, scope := cache.Open(context.Background())
	// Anything that runs under ctx can say what the result depends on.
	cache.Tag(ctx, "author:anna")
	cache.Private(ctx, "read the session")
	deps := scope.Deps()
	fmt.Println(deps.Tags[0].Name, "-", deps.Private)
	// Output: author:anna - read the session
}
