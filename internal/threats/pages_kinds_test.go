package threats_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// Files: parts, conditions and paths that lead elsewhere.
func TestFilesUnderAttack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"page.txt": strings.Repeat("the page ", 300), "secret.txt": "evil"} {
		if name == "secret.txt" {
			name = "../" + filepath.Base(dir) + "-secret.txt"
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			secret := filepath.Base(dir) + "-secret.txt"
			var attack []string
			for _, path := range []string{"/files/../" + secret, "/files/..%2f" + secret, "/files/%2e%2e/" + secret, "/files//page.txt", "/files/page.txt/", "/files/./page.txt", "/files/page.txt%00", "/files/nothing"} {
				attack = append(attack, req("GET "+path), req("HEAD "+path))
			}
			for _, field := range []string{"Range: bytes=0-3", "Range: bytes=-4", "Range: bytes=999999-", "Range: bytes=0-1,3-4", "Range: bytes=0-0,-1", "If-None-Match: *", "If-Modified-Since: Fri, 31 Dec 2199 23:59:59 GMT", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", `If-Match: "evil"`} {
				attack = append(attack, req("GET /files/page.txt", field), req("HEAD /files/page.txt", field), req("GET /files/page.txt", field, "If-Range: Fri, 31 Dec 2199 23:59:59 GMT"))
			}
			for _, clean := range []string{req("GET /files/page.txt"), req("HEAD /files/page.txt"), req("GET /files/page.txt", "Range: bytes=4-7"), req("GET /files/nothing")} {
				judgeNoHits(t, sequence{attack: attack, clean: clean}, func() *pagesSite {
					return newPagesSite(t, way, func(s *pagesSite, cached echo.MiddlewareFunc) {
						s.echo.Group("/files", cached).Static("", dir)
					})
				})
			}
			s := newPagesSite(t, way, func(s *pagesSite, cached echo.MiddlewareFunc) { s.echo.Group("/files", cached).Static("", dir) })
			for _, raw := range attack {
				if g := s.send(raw); strings.Contains(g.raw, "evil") {
					t.Errorf("%q was answered with a file outside:\n%s", raw, g.raw)
				}
			}
		})
	}
}

// An answer names other fields in Vary than the last one did.
func TestVaryThatChanges(t *testing.T) {
	t.Parallel()
	fields := []string{"X-A", "x-a, X-B", "X-A, X-A", "Accept-Language", "Authorization", "Host", "X-Forwarded-Host", strings.TrimSuffix(strings.Repeat("X-L, ", 200), ", ")}
	for _, vary := range fields {
		for _, way := range ways {
			t.Run(way+": "+vary, func(t *testing.T) {
				t.Parallel()
				newSite := func() *pagesSite {
					return newPagesSite(t, way, func(s *pagesSite, cached echo.MiddlewareFunc) {
						s.echo.GET("/page", func(c echo.Context) error {
							h := c.Request().Header
							if tricked(c) {
								c.Response().Header().Set("Vary", "X-Trick, "+vary)
							}
							c.Response().Header().Add("Vary", "X-Trick")
							return c.HTML(http.StatusOK, fmt.Sprintf("%q %q", h["X-Trick"], h["X-Forwarded-Host"]))
						}, cached)
					})
				}
				judgeNoHits(t, sequence{attack: []string{req("GET /page", trick), req("GET /page", trick, "X-A: evil"), req("GET /page", trick, "X-B: evil")}, clean: req("GET /page")}, newSite)
				judgeNoHits(t, sequence{attack: []string{req("GET /page"), req("GET /page", trick, "X-A: 1"), req("GET /page", "X-A: 1", "X-B: 2")}, clean: req("GET /page", "X-A: 1")}, newSite)
			})
		}
	}
}

// One store, two applications: what one is asked for does not answer for the other.
func TestTwoApplicationsOneStore(t *testing.T) {
	t.Parallel()
	s := newPagesSite(t, "decorator", func(*pagesSite, echo.MiddlewareFunc) {})
	mux := http.NewServeMux()
	for _, name := range []string{"a", "b"} {
		h := s.pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, name+r.URL.Path)
		}))
		mux.Handle("/"+name+"/", http.StripPrefix("/"+name, h))
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	for range 2 {
		for _, name := range []string{"a", "b"} {
			res, err := http.Get(server.URL + "/" + name + "/page")
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if string(b) != name+"/page" {
				t.Errorf("%s got %q", name, b)
			}
		}
	}
}
