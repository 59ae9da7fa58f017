package pagecache_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/pagecache"
)

func TestRecent(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), func(c *pagecache.Config) { c.Recent = 3 })
	s.get("http://a.test/1")
	s.get("http://a.test/1?b=2&a=1")
	s.get("http://a.test/1")
	s.do("POST", "http://a.test/2")
	got := s.pages.Recent()
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []pagecache.Decision{
		{Method: "POST", Path: "/2", Reason: pagecache.ReasonMethod, Tier: "handler"},
		{Method: "GET", Path: "/1", Reason: pagecache.ReasonHit, Status: 200, Tier: "memory"},
		{Method: "GET", Path: "/1", Query: "b=2&a=1", Reason: pagecache.ReasonNotFound, Kept: pagecache.ReasonStored, Status: 200, Tier: "handler"},
	} {
		d := got[i]
		d.Time, d.Age, d.Host, d.Details = time.Time{}, 0, "", nil
		if d != want || got[i].Time.IsZero() || got[i].Host != "a.test" {
			t.Errorf("decision %d: %+v, want %+v", i, got[i], want)
		}
	}
	none := newSite(t, page("x"), func(c *pagecache.Config) { c.Recent = -1 })
	none.get("http://a.test/")
	if got := none.pages.Recent(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}
