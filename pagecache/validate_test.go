package pagecache_test

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

// RFC 9111, section 4.3: what the handler gave a validator is asked about.
func TestValidation(t *testing.T) {
	t.Parallel()
	var asked atomic.Pointer[http.Header]
	var changed atomic.Bool
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		h := r.Header.Clone()
		asked.Store(&h)
		tag := `"1"`
		if changed.Load() {
			tag = `"2"`
		}
		w.Header().Set("Etag", tag)
		w.Header().Set("X-Run", fmt.Sprint(len(h)))
		cache.Tag(r.Context(), "run")
		if r.Header.Get("If-None-Match") == tag {
			w.Header().Set("X-Fresh", "yes")
			w.WriteHeader(304)
			return
		}
		_, _ = io.WriteString(w, "body of "+tag)
	}, nil)
	s.get("http://a.test/", "If-None-Match", `"other"`)
	if asked.Load().Get("If-None-Match") != "" {
		t.Fatal("the client's condition reached the handler")
	}
	s.clock.Store(int64(2 * time.Minute))
	r := s.get("http://a.test/", "If-None-Match", `"other"`)
	if asked.Load().Get("If-None-Match") != `"1"` || r.StatusCode != 200 || body(t, r) != `body of "1"` || r.Header.Get("X-Fresh") != "yes" {
		t.Fatalf("asked %v, answered %d %v", asked.Load(), r.StatusCode, r.Header)
	}
	if r = s.get("http://a.test/", "If-None-Match", `"1"`); r.StatusCode != 304 || !isHit(t, r) {
		t.Fatalf("not freshened: %d %v", r.StatusCode, r.Header)
	}
	s.wantRuns(2)
	// Its tags are still those of the body.
	if err := s.pages.Purge(t.Context(), "run"); err != nil {
		t.Fatal(err)
	}
	if r = s.get("http://a.test/"); isHit(t, r) {
		t.Fatal("a freshened page survived the purge of its tag")
	}
	changed.Store(true)
	s.clock.Store(int64(4 * time.Minute))
	if r = s.get("http://a.test/"); body(t, r) != `body of "2"` {
		t.Fatalf("%v", r.Header)
	}
	if r = s.get("http://a.test/"); !isHit(t, r) || body(t, r) != `body of "2"` {
		t.Fatalf("the new answer was not kept: %v", r.Header)
	}
}

// Own validators are not asked about: the handler does not know them.
func TestMadeTagsAreNotAskedAbout(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			t.Error("asked")
		}
		page("x")(w, r)
	}, nil, pagecache.StaleIfError(time.Hour))
	s.get("http://a.test/")
	s.clock.Store(int64(2 * time.Minute))
	s.get("http://a.test/")
	s.wantRuns(2)
}

// SAFETY, rule 2: what a newer answer forbids is not served from an older one.
func TestUnkeptAnswerEndsTheStaleOne(t *testing.T) {
	t.Parallel()
	var private atomic.Bool
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60, stale-while-revalidate=600, stale-if-error=600")
		if private.Load() {
			w.Header().Set("Cache-Control", "private")
		}
		page("x")(w, r)
	}, nil)
	s.get("http://a.test/")
	private.Store(true)
	s.clock.Store(int64(90 * time.Second))
	s.get("http://a.test/")
	until(t, "gone", func() bool { return s.get("http://a.test/").Header.Get("Age") == "" })
}
