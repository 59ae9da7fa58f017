package pagecache_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/echoic-go/echoic/pagecache"
)

var longText = strings.Repeat("be yourself; everyone else is already taken. ", 200)

func decoded(t *testing.T, r *http.Response) string {
	t.Helper()
	raw := body(t, r)
	var in io.Reader = strings.NewReader(raw)
	switch r.Header.Get("Content-Encoding") {
	case "":
		return raw
	case "gzip":
		zr, err := gzip.NewReader(in)
		if err != nil {
			t.Fatal(err)
		}
		in = zr
	case "br":
		in = brotli.NewReader(in)
	}
	b, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// coded asks until the answer comes in the coding.
func (s *site) coded(url, accept, coding string) *http.Response {
	s.t.Helper()
	var r *http.Response
	until(s.t, coding, func() bool {
		r = s.get(url, "Accept-Encoding", accept)
		return r.Header.Get("Content-Encoding") == coding
	})
	return r
}

func TestStoredCoding(t *testing.T) {
	t.Parallel()
	for coding, suffix := range map[string]string{pagecache.Gzip: "-gz", pagecache.Brotli: "-br"} {
		t.Run(coding, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, page(longText), func(c *pagecache.Config) { c.Coding = coding })
			const url = "http://a.test/"
			first := s.get(url, "Accept-Encoding", "gzip, br")
			if first.Header.Get("Content-Encoding") != "" || first.Header.Get("Vary") != "Accept-Encoding" || body(t, first) != longText {
				t.Fatalf("miss: %v", first.Header)
			}
			tag := first.Header.Get("Etag")
			r := s.coded(url, "gzip, br", coding)
			want := strings.TrimSuffix(tag, `"`) + suffix + `"`
			if decoded(t, r) != longText || r.Header.Get("Etag") != want || r.Header.Get("Vary") != "Accept-Encoding" || !isHit(t, r) {
				t.Fatalf("coded hit: %v", r.Header)
			}
			s.wantRuns(1)
			// RFC 9110, section 8.8.3.3: each coding has its own validator.
			for _, tt := range []struct {
				header []string
				status int
				coding string
			}{
				{[]string{"Accept-Encoding", "gzip, br", "If-None-Match", want}, 304, ""},
				{[]string{"Accept-Encoding", "gzip, br", "If-None-Match", tag}, 200, coding},
				{[]string{"If-None-Match", tag}, 304, ""},
				{[]string{"If-None-Match", want}, 200, ""},
				{[]string{"Accept-Encoding", "identity"}, 200, ""},
				{[]string{"Accept-Encoding", coding + ";q=0"}, 200, ""},
				{[]string{"Accept-Encoding", coding + ";q=0.3, identity;q=0.7"}, 200, ""},
				{[]string{"Accept-Encoding", "*"}, 200, coding},
				{[]string{"Accept-Encoding", "*;q=0"}, 200, ""},
				{[]string{"Accept-Encoding", strings.ToUpper(coding)}, 200, coding},
				{nil, 200, ""},
				{[]string{"Accept-Encoding", "gzip, br", "Range", "bytes=0-1"}, 206, ""},
				{[]string{"Accept-Encoding", "gzip, br", "Range", "bytes=0-1", "If-Range", want}, 200, ""},
				{[]string{"Accept-Encoding", "gzip, br", "Range", "bytes=0-1", "If-Range", tag}, 206, ""},
			} {
				r := s.get(url, tt.header...)
				if r.StatusCode != tt.status || r.Header.Get("Content-Encoding") != tt.coding || r.Header.Get("Vary") != "Accept-Encoding" {
					t.Errorf("%v: %d %v", tt.header, r.StatusCode, r.Header)
				}
				if text := decoded(t, r); tt.status == 200 && text != longText || tt.status == 206 && text != "be" {
					t.Errorf("%v: %.40q", tt.header, text)
				}
			}
			if r := s.do("HEAD", url, "Accept-Encoding", "gzip, br"); r.Header.Get("Content-Encoding") != coding || r.Header.Get("Content-Length") == fmt.Sprint(len(longText)) {
				t.Errorf("HEAD: %v", r.Header)
			}
			if err := s.pages.PurgeURL(t.Context(), url); err != nil {
				t.Fatal(err)
			}
			if isHit(t, s.get(url, "Accept-Encoding", "gzip, br")) {
				t.Error("the coded page survived the purge")
			}
		})
	}
}

func TestNotCoded(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 4096)
	_, _ = rand.Read(noise)
	for name, handler := range map[string]http.HandlerFunc{
		"short":        page("short"),
		"noise":        withBody(string(noise), "Content-Type", "text/plain"),
		"image":        withBody(longText, "Content-Type", "image/png"),
		"no-transform": withBody(longText, "Content-Type", "text/plain", "Cache-Control", "max-age=60, no-transform"),
		"coded":        withBody(longText, "Content-Type", "text/plain", "Content-Encoding", "br", "Vary", "Accept-Encoding"),
		"varies":       withBody(longText, "Content-Type", "text/plain", "Vary", "Accept-Encoding"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, handler, nil)
			for range 3 {
				r := s.get("http://a.test/", "Accept-Encoding", "gzip")
				if r.Header.Get("Content-Encoding") == "gzip" {
					t.Fatalf("%v", r.Header)
				}
			}
			if err := s.pages.Close(); err != nil { // what was begun is done
				t.Fatal(err)
			}
			if r := s.get("http://a.test/", "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") == "gzip" {
				t.Fatalf("%v", r.Header)
			}
		})
	}
}

func withBody(text string, pairs ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(pairs); i += 2 {
			w.Header().Set(pairs[i], pairs[i+1])
		}
		_, _ = io.WriteString(w, text)
	}
}

// In a store outside the process both codings are one value.
func TestCodingInASharedStore(t *testing.T) {
	t.Parallel()
	s, _ := sharedSite(t)
	s.h = s.pages.Handler(page(longText))
	s.get("http://a.test/")
	r := s.coded("http://a.test/", "gzip", "gzip")
	if decoded(t, r) != longText {
		t.Fatal("other text")
	}
	if r := s.get("http://a.test/"); body(t, r) != longText || !isHit(t, r) {
		t.Fatalf("%v", r.Header)
	}
}

// A page replaced meanwhile is not overwritten by the coded old one.
func TestCodingOfAReplacedPage(t *testing.T) {
	t.Parallel()
	n := 0
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		page(fmt.Sprint(n, longText))(w, r)
	}, nil)
	for i := range 20 {
		s.get("http://a.test/")
		s.get("http://a.test/", "Accept-Encoding", "gzip") // begins to code
		if err := s.pages.PurgeURL(t.Context(), "http://a.test/"); err != nil {
			t.Fatal(err)
		}
		s.get("http://a.test/")
		for range 3 {
			if text := decoded(t, s.get("http://a.test/", "Accept-Encoding", "gzip")); !strings.HasPrefix(text, fmt.Sprint(2*(i+1))) {
				t.Fatalf("round %d: %.10q", i, text)
			}
		}
		if err := s.pages.PurgeURL(t.Context(), "http://a.test/"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRangesFromTheStore(t *testing.T) {
	t.Parallel()
	const modified = "Mon, 02 Jan 2006 15:04:05 GMT"
	s := newSite(t, withBody("0123456789", "Content-Type", "text/plain", "Last-Modified", modified, "X-Own", "1"), nil)
	tag := s.get("http://a.test/").Header.Get("Etag")
	for _, tt := range []struct {
		header []string
		status int
		text   string
	}{
		{[]string{"Range", "bytes=2-4"}, 206, "234"}, {[]string{"Range", "bytes=7-"}, 206, "789"}, {[]string{"Range", "bytes=-3"}, 206, "789"},
		{[]string{"Range", "bytes=20-"}, 416, ""}, {[]string{"Range", "bytes=2-1"}, 416, ""}, {[]string{"Range", "apples=1-2"}, 200, "0123456789"},
		{[]string{"Range", "bytes=0-0", "If-Range", tag}, 206, "0"}, {[]string{"Range", "bytes=0-0", "If-Range", `"x"`}, 200, "0123456789"},
		{[]string{"Range", "bytes=0-0", "If-Range", modified}, 206, "0"}, {[]string{"Range", "bytes=0-0", "If-Range", "Tue, 03 Jan 2006 15:04:05 GMT"}, 200, "0123456789"},
		{[]string{"Range", "bytes=0-0", "If-None-Match", tag}, 304, ""}, {[]string{"Range", "bytes=0-0", "If-Match", `"x"`}, 412, ""},
	} {
		r := s.get("http://a.test/", tt.header...)
		if r.StatusCode != tt.status || tt.text != "" && body(t, r) != tt.text {
			t.Errorf("%v: %d %v", tt.header, r.StatusCode, r.Header)
		}
		if tt.status == 206 && (r.Header.Get("X-Own") != "1" || r.Header.Get("Age") == "" || !strings.HasSuffix(r.Header.Get("Content-Range"), "/10")) {
			t.Errorf("%v: %v", tt.header, r.Header)
		}
	}
	if r := s.do("HEAD", "http://a.test/", "Range", "bytes=0-0"); r.StatusCode != 200 || r.Header.Get("Content-Length") != "10" {
		t.Errorf("HEAD: %d %v", r.StatusCode, r.Header)
	}
	r := s.get("http://a.test/", "Range", "bytes=0-0,5-6")
	if text := body(t, r); r.StatusCode != 206 || !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/byteranges") || strings.Count(text, "Content-Range: bytes ") != 2 {
		t.Errorf("two ranges: %d %v", r.StatusCode, r.Header)
	}
	r = s.get("http://a.test/", "Range", "bytes="+strings.Repeat("0-0,", 1000)+"0-0")
	if r.StatusCode != 200 || body(t, r) != "0123456789" {
		t.Errorf("a thousand ranges: %d", r.StatusCode)
	}
	s.wantRuns(1)
}

// A part that the handler cut is passed on and not kept, and a whole that it
// gives instead is.
func TestRangesNotInTheStore(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x.txt", time.Time{}, bytes.NewReader([]byte("0123456789")))
	}, nil)
	for range 2 {
		if r := s.get("http://a.test/", "Range", "bytes=2-4"); r.StatusCode != 206 || body(t, r) != "234" || isHit(t, r) {
			t.Fatalf("%d %v", r.StatusCode, r.Header)
		}
	}
	s.wantRuns(2)
	s.get("http://a.test/")
	if r := s.get("http://a.test/", "Range", "bytes=2-4"); r.StatusCode != 206 || body(t, r) != "234" || !isHit(t, r) {
		t.Fatalf("%d %v", r.StatusCode, r.Header)
	}
}
