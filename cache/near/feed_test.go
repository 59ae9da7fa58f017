package near_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache/near"
)

func TestFeeds(t *testing.T) {
	t.Parallel()
	tier := open(t, near.Config{})
	if tier.Verified() {
		t.Fatal("verified without a feed")
	}
	redis := tier.Feed("redis")
	journal := tier.Feed("journal")
	steps := []struct {
		name     string
		do       func()
		verified bool
		drops    bool // what was held before is gone
	}{
		{"one of two", redis.Up, false, false},
		{"both", journal.Up, true, true},
		{"up again", journal.Up, true, false},
		{"the same feed", func() { tier.Feed("redis").Up() }, true, false},
		{"one down", func() { redis.Down("lost") }, false, false},
		{"the other down too", func() { journal.Down("lost") }, false, false},
		{"one up", redis.Up, false, false},
		{"other up", journal.Up, true, true},
		{"closed", redis.Close, false, false},
		{"opened again", redis.Up, true, true},
		{"a third one", func() { tier.Feed("third") }, false, false},
		{"which is up", func() { tier.Feed("third").Up() }, true, true},
	}
	held := false
	for _, step := range steps {
		step.do()
		if tier.Verified() != step.verified {
			t.Fatalf("%s: Verified = %v", step.name, tier.Verified())
		}
		if held && has(tier, "k") == step.drops {
			t.Errorf("%s: what was held is there: %v", step.name, has(tier, "k"))
		}
		if held = held && !step.drops; tier.Verified() {
			hold(t, tier, "k", step.name)
			held = true
		}
	}
}

func TestUnverifiedKeepsAndForgets(t *testing.T) {
	t.Parallel()
	tier, feed := verified(t, near.Config{})
	hold(t, tier, "a", 1)
	hold(t, tier, "b", 1)
	feed.Down("test")
	if !has(tier, "a") {
		t.Error("what was held is gone")
	}
	tier.Invalidate("a")
	if has(tier, "a") || !has(tier, "b") {
		t.Error("an invalidation does not arrive")
	}
}

func TestStatsOfFeeds(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	tier, feed := verified(t, near.Config{Now: func() time.Time { return now }})
	if s := tier.Stats(); !s.Verified || !s.UnverifiedSince.IsZero() || s.Down != nil {
		t.Errorf("Stats = %+v", s)
	}
	feed.Down("first")
	feed.Down("second")
	if s := tier.Stats(); s.Verified || !s.UnverifiedSince.Equal(now) || s.Down["test"] != "second" {
		t.Errorf("Stats = %+v", s)
	}
}

func TestOneLineAChange(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	tier, feed := verified(t, near.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 {
		feed.Down("lost")
		feed.Up()
		feed.Up()
		feed.Down("lost")
		feed.Down("still lost")
		feed.Up()
	}
	feed.Close()
	must(t, tier.Close())
	text := log.String()
	if up, down := strings.Count(text, "near: verified"), strings.Count(text, "near: unverified"); up != 7 || down != 6 || strings.Contains(text, "still") {
		t.Errorf("%d lines up, %d down:\n%s", up, down, text)
	}
}
