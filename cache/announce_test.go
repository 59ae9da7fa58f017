package cache_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// A page whose tag nobody has used before is stored although something else was
// purged while it was made; one whose own tag was purged is not.
func TestAnnouncedTagsAreJudgedAlone(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		announce bool
		purged   string
		stored   bool
	}{
		"announced, another purged": {true, "other", true},
		"announced, itself purged":  {true, "new", false},
		"unknown, another purged":   {false, "other", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, newFar(t))
			missed, _, err := s.pages.Get(t.Context(), cache.NewKey("page"))
			must(t, err)
			if row.announce {
				must(t, s.pages.Announce(t.Context(), missed, "new"))
			}
			must(t, s.Purge(t.Context(), row.purged))
			ctx, scope := s.pages.Open(t.Context(), missed)
			cache.Tag(ctx, "new")
			_, reason, err := s.pages.Put(t.Context(), cache.NewKey("page"), "body", scope, time.Hour)
			must(t, err)
			if (reason == "") != row.stored {
				t.Errorf("stored: %v (%q), want %v", reason == "", reason, row.stored)
			}
		})
	}
}
