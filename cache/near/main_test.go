package near_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/cache/near"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testenv.Wrap(m)) }

// patience is how long something may take that normally takes milliseconds.
const patience = 20 * time.Second

// open makes a tier that is closed when the test ends.
func open(t testing.TB, cfg near.Config) *near.Tier {
	t.Helper()
	tier, err := near.New(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, tier.Close()) })
	return tier
}

// verified makes a tier whose only feed is up.
func verified(t testing.TB, cfg near.Config) (*near.Tier, *near.Feed) {
	t.Helper()
	tier := open(t, cfg)
	feed := tier.Feed("test")
	feed.Up()
	return tier, feed
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hold puts value under key, as a fill that nothing disturbs does.
func hold(t testing.TB, tier *near.Tier, key string, value any) {
	t.Helper()
	if !tier.Put(key, value, 100, time.Hour, tier.Stamp(key)) {
		t.Fatalf("Put(%q) refuses", key)
	}
}

func has(tier *near.Tier, key string) bool {
	_, found := tier.Get(key)
	return found
}

// closed reports whether the channel is closed.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
