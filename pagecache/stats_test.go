package pagecache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

func TestStatsCountOutcomesAndReasons(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/private" {
			cache.Private(r.Context(), "test")
		}
		cache.Tag(r.Context(), "tag of "+r.URL.Path)
		_, _ = w.Write([]byte("x"))
	}, nil)
	s.get("http://a.test/1")
	for range 3 {
		s.get("http://a.test/1")
	}
	s.get("http://a.test/private")
	s.do("POST", "http://a.test/1")
	got := s.pages.Stats()
	want := map[pagecache.Outcome]uint64{pagecache.OutcomeHit: 3, pagecache.OutcomeMiss: 2, pagecache.OutcomeBypass: 1}
	for outcome, n := range want {
		if got.Outcomes[outcome] != n {
			t.Errorf("%s: %d, want %d", outcome, got.Outcomes[outcome], n)
		}
	}
	if got.Requests() != 6 {
		t.Errorf("%d requests, want 6", got.Requests())
	}
	if got.Reasons[pagecache.ReasonNotFound] != 2 || got.Reasons[pagecache.ReasonMethod] != 1 || got.Reasons[pagecache.ReasonHit] != 3 {
		t.Errorf("reasons: %v", got.Reasons)
	}
	if got.Kept[pagecache.ReasonStored] != 1 || got.Kept[pagecache.ReasonPrivateScope] != 1 {
		t.Errorf("kept: %v", got.Kept)
	}
	if got.Handler.Count != 2 {
		t.Errorf("the handler was timed %d times, want 2", got.Handler.Count)
	}
	tops := s.pages.Tops(10)
	if len(tops.Cost) != 2 || len(tops.Tags) != 1 || tops.Tags[0].Name != "tag of /1" {
		t.Errorf("tops: %+v", tops)
	}
}

func TestStatsSampleHits(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), nil)
	for range 5000 {
		s.get("http://a.test/hot")
	}
	if got := s.pages.Stats(); got.Hit.Count < 20 || got.Hit.Count > 400 || got.Hit.Quantile(0.5) <= 0 {
		t.Errorf("of 4999 hits %d were timed, want about 78; their median is %v", got.Hit.Count, got.Hit.Quantile(0.5))
	}
	if top := s.pages.Tops(1).Hits; len(top) != 1 || top[0].Name != "http://a.test/hot" || top[0].Weight < 1000 {
		t.Errorf("the hottest URL: %+v, want http://a.test/hot with about 5000 hits", top)
	}
}

// Visitors choose URLs, and a router that takes them for its templates must not
// fill the memory either.
func TestStatsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), nil)
	for i := range 2000 {
		r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("http://a.test/%d", i), nil)
		r.Pattern = fmt.Sprintf("/%d", i)
		s.h.ServeHTTP(httptest.NewRecorder(), r)
	}
	got := s.pages.Stats()
	if len(got.Routes) > 513 || got.Requests() != 2000 {
		t.Errorf("%d routes for %d requests", len(got.Routes), got.Requests())
	}
	if busiest := got.Routes[0]; busiest.Route != pagecache.OtherRoutes {
		t.Errorf("the busiest route is %q, want the rest", busiest.Route)
	}
	if n := len(s.pages.Tops(10_000).Cost); n != 256 {
		t.Errorf("%d URLs are remembered, want 256", n)
	}
}

func TestStatsTellRefreshesFromVisits(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), func(c *pagecache.Config) { c.TTL, c.StaleWhileRevalidate = time.Minute, time.Hour })
	s.get("http://a.test/1")
	s.clock.Add(int64(2 * time.Minute))
	s.get("http://a.test/1")
	deadline := time.Now().Add(10 * time.Second)
	for s.pages.Stats().Outcomes[pagecache.OutcomeRefresh] == 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	got := s.pages.Stats()
	if got.Outcomes[pagecache.OutcomeRefresh] != 1 || got.Outcomes[pagecache.OutcomeStale] != 1 || got.Requests() != 2 {
		t.Errorf("a stale hit and its refresh: %v, %d requests", got.Outcomes, got.Requests())
	}
}
