package live_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/cache/live"
)

func TestRegistration(t *testing.T) {
	t.Parallel()
	set, err := live.New(live.Config{})
	if err != nil {
		t.Fatal(err)
	}
	fn := func(context.Context) (string, error) { return "x", nil }
	if err := set.Live("name", live.HTML, fn); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"a name twice":     set.Live("name", live.HTML, fn),
		"an empty name":    set.Live("", live.HTML, fn),
		"a hostile name":   set.Live("a\x00b", live.HTML, fn),
		"markup as a name": set.Live("<b>", live.HTML, fn),
		"a long name":      set.Live(strings.Repeat("a", 65), live.HTML, fn),
		"no function":      set.Live("nil", live.HTML, nil),
		"no kind":          set.Live("kind", 0, fn),
		"no set":           (*live.Set)(nil).Live("name", live.HTML, fn),
	} {
		if err == nil {
			t.Errorf("%s is not refused", what)
		}
	}
	if _, known := set.Kind("name"); !known {
		t.Error("the hole is not known")
	}
	if err := set.Live("late", live.HTML, fn); !errors.Is(err, live.ErrUsed) {
		t.Errorf("after the first use: %v", err)
	}
}
