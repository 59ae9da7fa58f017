package fragment_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/echoic-go/echoic/fragment"
)

func TestCacheIfCachesWhereTheConditionHolds(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, `{{define "p"}}{{if cacheIf .If "a" "1h" .V}}{{hit}}[{{.V}}]{{end}}{{end}}`, opts...)
		var cached int64
		for _, c := range []struct {
			cond any
			v    string
			runs int64
		}{
			{true, "x", 1}, {true, "x", 0}, {false, "x", 1}, {false, "x", 1}, {true, "x", 0}, {true, "y", 1},
			{"words", "x", 0}, {"", "x", 1}, {nil, "x", 1}, {0, "x", 1}, {[]int{1}, "y", 0},
		} {
			before := s.hits.Load()
			equal(t, "page", s.get("p", map[string]any{"If": c.cond, "V": c.v}), "["+c.v+"]")
			equal(t, fmt.Sprintf("bodies run for %v", c), s.hits.Load()-before, c.runs)
			if truth := c.cond != nil && c.cond != false && c.cond != "" && c.cond != 0; truth {
				cached++
			}
		}
		st := s.frags.Stats()
		equal(t, "looked up only where it holds", int64(st.Hits+st.Misses), cached)
	})
}

func TestCacheIfWithAComputedTimeToLive(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cacheIf .If "a" .TTL .V}}{{hit}}[{{.V}}]{{end}}{{end}}`)
	page := func(cond bool, ttl any) int64 {
		before := s.hits.Load()
		equal(t, "page", s.get("p", map[string]any{"If": cond, "TTL": ttl, "V": 1}), "[1]")
		return s.hits.Load() - before
	}
	equal(t, "not while it does not hold", page(false, "1h")+page(false, "1h"), 2)
	equal(t, "then", page(true, time.Hour)+page(true, 3600), 1)
	equal(t, "a zero", page(true, 0), 1)
	equal(t, "whatever the time to live is", page(false, "nonsense"), 1)
	err := s.r.Render(t.Context(), brokenWriter{}, "p", map[string]any{"If": true, "TTL": "nonsense", "V": 1})
	if !errors.Is(err, fragment.ErrBadTTL) {
		t.Errorf("got %v, want ErrBadTTL", err)
	}
}

// Around a body that is not cached, what is cached still is.
func TestCacheIfInsideAndOutsideOfOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cacheIf . "outer" "1h"}}{{hit}}({{if cache "inner" "1h"}}{{hit}}i{{end}}){{end}}{{end}}`)
	equal(t, "page", s.get("p", false), "(i)")
	equal(t, "both ran", s.hits.Load(), 2)
	equal(t, "page", s.get("p", false), "(i)")
	equal(t, "the outer alone", s.hits.Load(), 3)
	equal(t, "page", s.get("p", true), "(i)")
	equal(t, "the outer alone, and is kept", s.hits.Load(), 4)
	equal(t, "page", s.get("p", true), "(i)")
	equal(t, "none", s.hits.Load(), 4)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("nobody reads") }
