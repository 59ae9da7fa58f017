package pagecache_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

func TestLocateAndDescribe(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Test", "yes")
		_, _ = w.Write([]byte("<p>hello"))
	}, nil)
	s.get("http://a.test/1?b=2&a=1")
	physical, err := s.pages.Locate(t.Context(), "http://A.test:80/1?a=1&b=2")
	if err != nil {
		t.Fatal(err)
	}
	i, found, err := s.cache.Inspect(t.Context(), physical)
	if err != nil || !found {
		t.Fatal(found, err)
	}
	d, ok := pagecache.Describe(i, time.Now())
	if !ok || d.Status != 200 || string(d.Body) != "<p>hello" || d.Header.Get("X-Test") != "yes" || d.Life <= 0 {
		t.Errorf("%+v, %v", d, ok)
	}
	if _, ok := pagecache.Describe(cache.Inspection{Plain: []byte("no page")}, time.Now()); ok {
		t.Error("bytes that are no page were described")
	}
	var wrong *pagecache.URLError
	if _, err := s.pages.Locate(t.Context(), "/1"); !errors.As(err, &wrong) {
		t.Errorf("a URL without a host: %v", err)
	}
}
