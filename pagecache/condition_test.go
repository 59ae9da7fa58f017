package pagecache_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestConditional(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["If-None-Match"]) > 0 {
			t.Error("the handler saw the condition")
		}
		page("x")(w, r)
	}, nil)
	tag := s.get("http://a.test/").Header.Get("Etag")
	for _, match := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		r := s.get("http://a.test/", "If-None-Match", match)
		if r.StatusCode != 304 || r.Header.Get("Content-Length") != "" || r.Header.Get("Etag") != tag || body(t, r) != "" {
			t.Fatalf("If-None-Match: %s: %d %v", match, r.StatusCode, r.Header)
		}
	}
	for _, match := range []string{`"other"`, strings.Trim(tag, `"`), `"`, ""} {
		if r := s.get("http://a.test/", "If-None-Match", match); r.StatusCode != 200 {
			t.Fatalf("If-None-Match: %s: %d", match, r.StatusCode)
		}
	}
	s.wantRuns(1)
	// Also the answer to a miss is judged, and kept in full.
	if r := s.get("http://b.test/", "If-None-Match", tag); r.StatusCode != 304 {
		t.Fatalf("miss with a condition: %d", r.StatusCode)
	}
	if r := s.get("http://b.test/"); !isHit(t, r) || body(t, r) != "x" {
		t.Fatal("the answer to the miss was not kept in full")
	}
}

func TestIfModifiedSince(t *testing.T) {
	t.Parallel()
	s := newSite(t, withHeader("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT"), nil)
	s.get("http://a.test/")
	for since, status := range map[string]int{"Mon, 02 Jan 2006 15:04:05 GMT": 304, "Tue, 03 Jan 2006 15:04:05 GMT": 304, "Sun, 01 Jan 2006 15:04:05 GMT": 200, "nonsense": 200} {
		if r := s.get("http://a.test/", "If-Modified-Since", since); r.StatusCode != status {
			t.Errorf("If-Modified-Since: %s: %d, want %d", since, r.StatusCode, status)
		}
	}
	// If-None-Match counts alone where it is there (RFC 9110, 13.1.3).
	if r := s.get("http://a.test/", "If-None-Match", `"x"`, "If-Modified-Since", "Tue, 03 Jan 2006 15:04:05 GMT"); r.StatusCode != 200 {
		t.Fatal("If-Modified-Since was judged beside If-None-Match")
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("hello"), nil)
	s.do("HEAD", "http://a.test/")
	s.get("http://a.test/")
	s.wantRuns(2) // HEAD created nothing
	r := s.do("HEAD", "http://a.test/")
	s.wantRuns(2)
	if !isHit(t, r) || r.Header.Get("Content-Length") != "5" || body(t, r) != "" {
		t.Fatalf("HEAD from a GET entry: %v", r.Header)
	}
}
