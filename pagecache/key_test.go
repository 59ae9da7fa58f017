package pagecache_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/echoic-go/echoic/pagecache"
)

func TestKeySeparates(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Host, r.URL.Path, "?", r.URL.RawQuery)
	}, nil)
	same := [][]string{
		{"http://a.test/x", "http://A.TEST:80/x", "http://a.test/x?utm_source=m", "http://a.test/x?gclid=1"},
		{"http://a.test/x?a=1&b=2", "http://a.test/x?b=2&a=1", "http://a.test/x?b=2&utm_campaign=z&a=1"},
		{"http://a.test/x?a=1&a=2"}, {"http://a.test/x?a=2&a=1"}, // the order of values counts
		{"http://b.test/x"}, {"http://a.test:8080/x"}, {"https://a.test/x"}, {"http://a.test/X"}, {"http://a.test/x/"}, {"http://a.test/x?a"}, {"http://a.test/x?a="},
	}
	for i, urls := range same {
		for _, u := range urls {
			s.get(u)
		}
		s.wantRuns(int64(i + 1))
	}
}

func TestIgnoredQueryIsHidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "q=", r.URL.RawQuery, " f=", r.FormValue("utm_source"))
	}, nil)
	if got := body(t, s.get("http://a.test/?utm_source=evil&b=1&a=2")); got != "q=b=1&a=2 f=" {
		t.Fatalf("the handler saw %q: what is not in the key must not reach it", got)
	}
}

func TestUndeclaredCookiesAndForwardingAreHidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header["Cookie"], r.Header["X-Forwarded-Host"], r.Header["X-Original-Url"])
	}, func(c *pagecache.Config) { c.SessionCookies = []string{"session"} }, pagecache.VaryOnCookie("theme"))
	got := body(t, s.get("http://a.test/", "Cookie", "theme=dark; track=1; session=s", "X-Forwarded-Host", "evil.test", "X-Original-URL", "/admin"))
	if got != "[theme=dark; session=s] [] []" {
		t.Fatalf("the handler saw %q", got)
	}
}

func TestVaryOnCookieValues(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Header["Cookie"]) }, nil, pagecache.VaryOnCookie("a", "b"))
	// The last two must not be one key: values are framed by their number.
	for i, c := range []string{"", "a=1", "a=2", "b=1", "a=1; b=1", "a=1; a=b; a=absent", "a=1; a=cookie; a=b; a=absent"} {
		header := []string{}
		if c != "" {
			header = []string{"Cookie", c}
		}
		s.get("http://a.test/", header...)
		if r := s.get("http://a.test/", header...); !isHit(t, r) {
			t.Fatalf("%q: not a hit", c)
		}
		s.wantRuns(int64(i + 1))
	}
}

func TestVary(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Language")
		w.Header().Add("Vary", "X-Mode")
		_, _ = fmt.Fprint(w, r.Header["Accept-Language"], r.Header["X-Mode"])
	}, nil)
	tests := []struct {
		header []string
		runs   int64
	}{
		{nil, 1}, {nil, 1},
		{[]string{"Accept-Language", "de"}, 2}, {[]string{"Accept-Language", "DE"}, 2}, {[]string{"Accept-Language", " de ;q=1.0"}, 2},
		{[]string{"Accept-Language", "de, en;q=0.5"}, 3}, {[]string{"Accept-Language", "en;q=0.5,de"}, 3},
		{[]string{"X-Mode", ""}, 4}, // empty is not absent
		{[]string{"X-Mode", "a", "X-Mode", "b"}, 5},
		{[]string{"X-Mode", "a, b"}, 6},
		{nil, 6},
	}
	for _, tt := range tests {
		s.get("http://a.test/", tt.header...)
		s.wantRuns(tt.runs)
	}
}

func TestVariantsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "X-V")
		_, _ = fmt.Fprint(w, r.Header.Get("X-V"))
	}, func(c *pagecache.Config) { c.MaxVariants = 3 })
	for i := range 10 {
		s.get("http://a.test/", "X-V", fmt.Sprint(i))
	}
	for i := range 10 {
		r := s.get("http://a.test/", "X-V", fmt.Sprint(i))
		if got := body(t, r); got != fmt.Sprint(i) {
			t.Fatalf("variant %d got %q", i, got)
		}
		if isHit(t, r) != (i < 3) {
			t.Fatalf("variant %d: hit is %v with room for 3", i, isHit(t, r))
		}
	}
}
