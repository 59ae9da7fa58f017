package site

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/templates"
)

// The box names the line of the handler that made the page private, and what comes
// from a visitor stays text.
func TestOverlayNamesTheCode(t *testing.T) {
	t.Parallel()
	store, err := memory.New(memory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c, err := cache.New(cache.Config{Store: store, Prefix: "overlay"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	pages, err := pagecache.New(pagecache.Config{Cache: c, Development: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pages.Close() })
	files, err := loadAssets(templates.App, "app/static")
	if err != nil {
		t.Fatal(err)
	}
	o, err := newOverlay(files, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	site := pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "<script>tag</script>")
		cache.Private(r.Context(), "a test")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<html><body>a page about </body>, and its end</body></html>"))
	}))
	r := httptest.NewRequest(http.MethodGet, "http://localhost/p?q=<script>", nil)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Dest", "document")
	w := httptest.NewRecorder()
	o.serve(w, r, site)
	page := w.Body.String()
	for _, want := range []string{"uri-miss → private-scope", "Because of <code>", "overlay_code_test.go:45", "&lt;script&gt;tag&lt;/script&gt;", "</body>, and its end<aside", "</aside>\n</body></html>"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if strings.Contains(page, "<script>") {
		t.Errorf("what a visitor wrote is not escaped:\n%s", page)
	}
	r.Method = http.MethodHead
	w = httptest.NewRecorder()
	o.serve(w, r, site)
	if strings.Contains(w.Body.String(), "<aside") || w.Code != http.StatusOK { // the server drops the rest
		t.Errorf("HEAD: %d %q", w.Code, w.Body)
	}
}
