package site_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/internal/testenv"
)

// look asks as a browser does that shows a page.
func look(handler http.Handler, path string, header ...string) (*http.Response, string) {
	r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

const box = `class="why"`

func developmentSite(t *testing.T) http.Handler {
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
	return newSite(t, cfg, "sqlite:"+t.TempDir()+"/quotes.db")
}

// In development a page says why it came so, to people only, and no cache keeps it.
func TestOverlay(t *testing.T) {
	t.Parallel()
	handler := developmentSite(t)
	_, first := look(handler, "/authors?x=%3Cscript%3E")
	for _, want := range []string{box, "uri-miss → stored", "nothing is stored for the URL", "key: query", "x=%3Cscript%3E", "/authors", "collection", "</aside>\n</body>"} {
		if !strings.Contains(first, want) {
			t.Errorf("no %q in\n%s", want, first)
		}
	}
	look(handler, "/authors")
	res, second := look(handler, "/authors", "If-None-Match", `"x"`, "Accept-Encoding", "gzip", "Range", "bytes=0-10")
	for _, want := range []string{"<span class=\"why__dot why__dot--hit\"></span>hit", "memory", "15m0s by TTL of the route"} {
		if !strings.Contains(second, want) {
			t.Errorf("no %q in\n%s", want, second)
		}
	}
	if n := strings.Count(second, box); n != 1 || res.Header.Get("ETag") != "" || res.StatusCode != 200 {
		t.Errorf("%d boxes, %d %v", n, res.StatusCode, res.Header)
	}
	if _, page := look(handler, "/login"); !strings.Contains(page, "not a cached route") {
		t.Errorf("a page that is in no cache:\n%s", page)
	}
	for name, header := range map[string][]string{
		"a program": {"Accept", "*/*"}, "a script": {"Sec-Fetch-Dest", "empty"}, "a program for JSON": {"Accept", "application/json"},
	} {
		if _, page := look(handler, "/authors", header...); strings.Contains(page, box) || !strings.Contains(page, "</html>") {
			t.Errorf("%s gets the box, or no page", name)
		}
	}
	if res, page := look(handler, "/console"); strings.Contains(page, box) || res.StatusCode != 401 {
		t.Errorf("the console: %d", res.StatusCode)
	}
	if _, page := look(handler, "/api/quotes/random"); strings.Contains(page, box) {
		t.Error("JSON gets the box")
	}
}

func TestNoOverlayInProduction(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, handler http.Handler) {
		for _, path := range []string{"/authors", "/authors", "/login", "/nowhere"} {
			_, page := look(handler, path)
			if production := strings.Contains(t.Name(), "production"); strings.Contains(page, box) == production {
				t.Errorf("%s: production %v, box %v", path, production, !production)
			}
		}
	})
}

// TestOverlayInBrowser looks at the box in three widths and both colour schemes, and
// opens it by the keyboard. With ECHOIC_SCREENSHOTS set to a directory it leaves
// pictures there.
func TestOverlayInBrowser(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(developmentSite(t))
	t.Cleanup(server.Close)
	b := openPage(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 768, 1440} {
			name := fmt.Sprintf("overlay-%d-%s", width, scheme)
			b.call(emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			b.do(chromedp.EmulateViewport(width, 800), chromedp.Navigate(server.URL+"/authors"), chromedp.WaitVisible(".why summary"))
			eval[bool](b, `(document.querySelector(".colophon li:last-child a").focus(), true)`)
			for range 12 {
				b.do(chromedp.KeyEvent("\t"))
				if eval[bool](b, `document.activeElement.matches(".why summary")`) {
					break
				}
			}
			b.do(chromedp.KeyEvent("\r"))
			testenv.Eventually(t, time.Minute, func() bool { return eval[bool](b, `document.querySelector(".why details").open`) }, "the keyboard opens the box")
			if at := eval[string](b, `JSON.stringify(document.querySelector(".why details").getBoundingClientRect())`); eval[bool](b,
				`(r => r.left < 0 || r.top < 0 || r.right > innerWidth || r.bottom > innerHeight)(document.querySelector(".why details").getBoundingClientRect()) || document.documentElement.scrollWidth > document.documentElement.clientWidth`) {
				t.Errorf("%s: the box is not on the screen: %s", name, at)
			}
			if styled := eval[string](b, `getComputedStyle(document.querySelector(".why")).position`); styled != "fixed" {
				t.Errorf("%s: its style sheet was refused", name)
			}
			if shots := os.Getenv("ECHOIC_SCREENSHOTS"); shots != "" {
				picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
				if err == nil {
					err = os.WriteFile(filepath.Join(shots, name+".png"), picture, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, problem := range b.problems {
		t.Error(problem)
	}
}

// openedPage is a page in a browser, with what the browser complains of.
type openedPage struct {
	t        *testing.T
	ctx      context.Context
	mu       sync.Mutex
	problems []string
}

func openPage(t *testing.T) *openedPage {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(testenv.Browser(t)), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	limited, endTime := context.WithTimeout(context.Background(), 4*time.Minute)
	alloc, endBrowser := chromedp.NewExecAllocator(limited, options...)
	b := &openedPage{t: t}
	ctx, endTab := chromedp.NewContext(alloc, chromedp.WithListener(func(event any) {
		if e, ok := event.(*log.EventEntryAdded); ok { // violations of the policy, too
			b.mu.Lock()
			defer b.mu.Unlock()
			b.problems = append(b.problems, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}))
	b.ctx = ctx
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && limited.Err() == nil {
			t.Errorf("the browser did not end well: %v", err)
		}
		endTab()
		endBrowser()
		endTime()
	})
	b.do(chromedp.Navigate("about:blank"))
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *openedPage) call(params emulation.SetEmulatedMediaParams) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, params); err != nil {
		b.t.Fatal(err)
	}
}

func (b *openedPage) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns what a script comes to.
func eval[T any](b *openedPage, script string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return value
}
