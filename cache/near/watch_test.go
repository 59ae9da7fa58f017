package near_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/echoic-go/echoic/cache/near"
)

func TestWatch(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		do   func(*near.Tier, *near.Feed)
		ends bool
	}{
		{"nothing", func(*near.Tier, *near.Feed) {}, false},
		{"another key", func(tier *near.Tier, _ *near.Feed) { tier.Invalidate("other") }, false},
		{"put", func(tier *near.Tier, _ *near.Feed) { tier.Put("k", 1, 1, 1, tier.Stamp("k")) }, false},
		{"invalidated", func(tier *near.Tier, _ *near.Feed) { tier.Invalidate("a", "k") }, true},
		{"forgotten", func(tier *near.Tier, _ *near.Feed) { tier.Forget("k") }, true},
		{"everything", func(tier *near.Tier, _ *near.Feed) { tier.DropAll() }, true},
		{"unverified", func(_ *near.Tier, feed *near.Feed) { feed.Down("test") }, true},
		{"another feed", func(tier *near.Tier, _ *near.Feed) { tier.Feed("journal") }, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			tier, feed := verified(t, near.Config{})
			first, stopFirst := tier.Watch("k")
			second, stopSecond := tier.Watch("k")
			row.do(tier, feed)
			if closed(first) != row.ends || closed(second) != row.ends {
				t.Errorf("the watches have ended: %v, %v", closed(first), closed(second))
			}
			stopFirst()
			stopFirst()
			if closed(second) != row.ends {
				t.Error("who stops, ends the watch of others")
			}
			stopSecond()
			if n := tier.Stats().Watched; n != 0 {
				t.Errorf("%d keys are watched at the end", n)
			}
		})
	}
}

func TestWatchUnverified(t *testing.T) {
	t.Parallel()
	tier := open(t, near.Config{})
	changed, stop := tier.Watch("k")
	defer stop()
	if !closed(changed) {
		t.Error("it waits for what nobody would say")
	}
}

func TestWatchAfterTheEnd(t *testing.T) {
	t.Parallel()
	tier, _ := verified(t, near.Config{})
	_, stopOld := tier.Watch("k")
	tier.Invalidate("k")
	changed, stop := tier.Watch("k")
	stopOld() // must not end the new one's place
	tier.Invalidate("k")
	if !closed(changed) {
		t.Error("the second watch was lost")
	}
	stop()
}

func TestWatchedAreBounded(t *testing.T) {
	t.Parallel()
	tier, _ := verified(t, near.Config{MaxWatched: 3})
	var stops []func()
	for i := range 3 {
		changed, stop := tier.Watch(fmt.Sprint(i))
		if closed(changed) {
			t.Fatalf("watch %d ends at once", i)
		}
		stops = append(stops, stop)
	}
	again, stopAgain := tier.Watch("0")
	beyond, stopBeyond := tier.Watch("3")
	if closed(again) || !closed(beyond) {
		t.Errorf("the same key ends: %v; one too many does not: %v", closed(again), !closed(beyond))
	}
	stopAgain()
	stopBeyond()
	stops[1]()
	next, stopNext := tier.Watch("4")
	if closed(next) {
		t.Error("a place that was left is not given")
	}
	stopNext()
}

func TestWatchUnderLoad(t *testing.T) {
	t.Parallel()
	tier, feed := verified(t, near.Config{MaxWatched: 8})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				key := fmt.Sprint(i % 10)
				switch {
				case g == 0:
					tier.Invalidate(key)
				case g == 1 && i%50 == 0:
					feed.Down("test")
					feed.Up()
				default:
					changed, stop := tier.Watch(key)
					if i%3 == 0 {
						tier.Invalidate(key)
						<-changed
					}
					stop()
				}
			}
		})
	}
	wg.Wait()
	if n := tier.Stats().Watched; n != 0 {
		t.Errorf("%d keys are watched at the end", n)
	}
}
