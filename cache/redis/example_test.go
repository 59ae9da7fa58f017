package redis_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/redis"
)

// A store can be opened while the server is away; its calls say so.
func ExampleNew() {
	ctx := context.Background()
	store, err := redis.New(ctx, redis.Config{URL: "redis://:secret@127.0.0.1:1/0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	_, err = store.Set(ctx, "greeting", []byte("hello"), 5*time.Minute, cache.Always)
	fmt.Println("degraded:", errors.Is(err, cache.ErrDegraded))
	// Output: degraded: true
}

func ExampleNew_badURL() {
	_, err := redis.New(context.Background(), redis.Config{URL: "redis://:secret@localhost:6379/one"})
	fmt.Println(err)
	// Output: redis: Config.URL: redisconn: the database (after the address) is not a number: write /0, /1, … (redis://host:6379/1, unix:///path/to.sock?db=1), or /mymaster/0 behind the addresses of sentinels
}
