package near_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache/near"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	tier, feed := verified(t, near.Config{})
	view := near.Of[string](tier)
	loads := 0
	load := func(key, value string, between func(), err error) (string, error) {
		return view.Load(t.Context(), key, time.Hour, func(context.Context) (string, int, error) {
			loads++
			between()
			return value, len(value), err
		})
	}
	nothing := func() {}
	broken := errors.New("broken")
	for _, row := range []struct {
		name, key, value string
		before, between  func()
		err              error
		want             string
		loads            int
	}{
		{"first", "a", "one", nothing, nothing, nil, "one", 1},
		{"held", "a", "two", nothing, nothing, nil, "one", 0},
		{"invalidated", "a", "three", func() { tier.Invalidate("a") }, nothing, nil, "three", 1},
		{"invalidated meanwhile", "b", "four", nothing, func() { tier.Invalidate("b") }, nil, "four", 1},
		{"which was not held", "b", "five", nothing, nothing, nil, "five", 1},
		{"error", "c", "six", nothing, nothing, broken, "", 1},
		{"another type", "d", "seven", func() { hold(t, tier, "d", 7) }, nothing, nil, "seven", 1},
		{"unverified", "a", "eight", func() { feed.Down("test") }, nothing, nil, "eight", 1},
		{"which was not held either", "a", "nine", nothing, nothing, nil, "nine", 1},
	} {
		loads = 0
		row.before()
		if got, err := load(row.key, row.value, row.between, row.err); got != row.want || err != row.err || loads != row.loads {
			t.Errorf("%s: %q, %v after %d loads", row.name, got, err, loads)
		}
	}
	if got, found := view.Get("a"); !found || got != "three" {
		t.Errorf("Get = %q, %v", got, found)
	}
	if _, found := near.Of[int](tier).Get("a"); found {
		t.Error("a string is found as an int")
	}
}
