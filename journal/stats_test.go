package journal_test

import (
	"testing"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/journal"
)

func TestLengthAndDelay(t *testing.T) {
	t.Parallel()
	onAll(t, func(t *testing.T, url string) {
		j := open(t, journal.Config{URL: url})
		appendTags(t, j, numbered("tag", 30)...)
		for most, want := range map[int]int{100: 30, 20: 20} {
			if n, err := j.Length(t.Context(), most); err != nil || n != want {
				t.Errorf("Length up to %d: %d, %v; want %d", most, n, err, want)
			}
		}
		testenv.Eventually(t, testPatience, func() bool { return j.Stats().Delay.Count == 30 }, "all rows arrive and are timed")
	})
}
