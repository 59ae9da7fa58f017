package near_test

import (
	"context"
	"fmt"
	"time"

	"github.com/echoic-go/echoic/cache/near"
)

func ExampleOf() {
	tier, err := near.New(near.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tier.Close()
	feed := tier.Feed("journal") // or near.Track, for Redis
	feed.Up()

	words := near.Of[string](tier)
	word := func(text string) {
		got, err := words.Load(context.Background(), "echoic:1:v:word@1", time.Minute, func(context.Context) (string, int, error) {
			return text, len(text), nil
		})
		fmt.Println(got, err)
	}
	word("courage")
	word("patience")
	tier.Invalidate("echoic:1:v:word@1") // somebody has changed it
	word("kindness")
	// Output:
	// courage <nil>
	// courage <nil>
	// kindness <nil>
}
