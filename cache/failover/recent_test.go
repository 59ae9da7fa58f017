package failover_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/cache/failover"
)

// A server that joins an outage does not see there what it has purged itself a
// moment ago: its peers have not heard of that yet.
func TestJoinsWithItsPurges(t *testing.T) {
	t.Parallel()
	const token = "app:t:x"
	for name, test := range map[string]struct {
		since time.Duration // from the purge to the loss
		want  string
	}{
		"just now":    {0, "-"},
		"a while ago": {time.Minute, "of the outage"}, // everybody has heard
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				site := newSite(t)
				site.journal.hears = nil // what is written there arrives later
				a, b := site.server[0], site.server[1]
				site.lose(t, 0)
				must(t, set(t.Context(), a, token, "of the outage"))
				must(t, set(t.Context(), b, token, "purged"))
				time.Sleep(test.since)
				site.lose(t, 1)
				if got := get(t, b, token); got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
			})
		})
	}
}

// A server that has purged more than it remembers begins an outage of its own.
func TestJoinsNotWithTooManyPurges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t)
		site.journal.hears = nil
		a, b := site.server[0], site.server[1]
		site.lose(t, 0)
		must(t, set(t.Context(), a, "app:t:x", "of the outage"))
		for i := range 10_001 {
			must(t, set(t.Context(), b, fmt.Sprint("app:t:", i), "purged"))
		}
		must(t, set(t.Context(), b, "app:t:x", "purged"))
		site.way[1].mode.Store(refuses)
		_, _, _ = b.Get(t.Context(), "app:t:x") // to notice
		time.Sleep(time.Second)
		value, found, err := b.Get(t.Context(), "app:t:x")
		if found || err != nil && !isDegraded(err) {
			t.Errorf("got %q, %v", value, err)
		}
	})
}

// What was begun before the primary forgets a token must not be kept under the
// token that is made next: the sequence of purges moves.
func TestForgettingATokenIsAPurge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary := newScripted(t)
		s := open(t, failover.Config{Primary: primary, Fallback: newScripted(t), Prefix: "app"})
		must(t, set(t.Context(), s, "app:t:seq", "7"))
		must(t, set(t.Context(), s, "app:t:x", "old"))
		primary.mode.Store(refuses)
		must(t, set(t.Context(), s, "app:t:x", "new"))
		primary.mode.Store(works)
		time.Sleep(2 * time.Second)
		if s.State() != failover.Closed {
			t.Fatalf("the store is %v", s.State())
		}
		if got := get(t, s, "app:t:x"); got != "-" {
			t.Errorf("the token is %q", got)
		}
		if got := get(t, s, "app:t:seq"); got == "7" {
			t.Error("nobody can tell that there was a purge")
		}
	})
}
