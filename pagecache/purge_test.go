package pagecache_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

func TestUnsafeMethodInvalidates(t *testing.T) {
	t.Parallel()
	status := http.StatusSeeOther
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(status)
			return
		}
		page("x")(w, r)
	}, nil)
	s.get("http://a.test/x")
	status = 400
	s.do("POST", "http://a.test/x")
	if !isHit(t, s.get("http://a.test/x")) {
		t.Fatal("a POST that failed invalidated the page")
	}
	status = 303
	s.do("POST", "http://a.test/x")
	if isHit(t, s.get("http://a.test/x")) {
		t.Fatal("the page survived a successful POST to its URL")
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "quote:"+r.URL.Query().Get("id"))
		w.Header().Set("Vary", "X-V")
		page("x")(w, r)
	}, nil)
	urls := []string{"http://a.test/?id=1", "http://a.test/?id=2"}
	fill := func() {
		for _, u := range urls {
			s.get(u)
			s.get(u, "X-V", "1")
		}
		s.runs.Store(0)
	}
	fill()
	if err := s.pages.Purge(t.Context(), "quote:1"); err != nil {
		t.Fatal(err)
	}
	if isHit(t, s.get(urls[0])) || isHit(t, s.get(urls[0], "X-V", "1")) {
		t.Fatal("a purged page was served")
	}
	if !isHit(t, s.get(urls[1])) || !isHit(t, s.get(urls[1], "X-V", "1")) {
		t.Fatal("another page was purged, too")
	}
	fill()
	if err := s.pages.PurgeURL(t.Context(), "HTTP://A.test:80/?id=2"); err != nil {
		t.Fatal(err)
	}
	if isHit(t, s.get(urls[1])) || isHit(t, s.get(urls[1], "X-V", "1")) || !isHit(t, s.get(urls[0])) {
		t.Fatal("PurgeURL purges all variants of the URL and nothing else")
	}
	var bad *pagecache.URLError
	for _, u := range []string{"", "/x", "a.test/x", "ftp://a.test/", "http://u:secret@%zz/"} {
		if err := s.pages.PurgeURL(t.Context(), u); !errors.As(err, &bad) || strings.Contains(err.Error(), "secret") {
			t.Errorf("PurgeURL(%q): %v", u, err)
		}
	}
}

func TestPurgeDuringFill(t *testing.T) {
	t.Parallel()
	begun, purged := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() {
			close(begun)
			<-purged
		})
		cache.Tag(r.Context(), "a") // learned after the data was read
		page("old")(w, r)
	}, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.get("http://a.test/")
	}()
	<-begun
	if err := s.pages.Purge(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	close(purged)
	<-done
	if isHit(t, s.get("http://a.test/")) {
		t.Fatal("a fill that began before the purge was stored after it")
	}
}
