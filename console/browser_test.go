package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/internal/testenv"
)

// patience is how long a test waits for what a browser does on a busy machine.
const patience = 60 * time.Second

// tab is a page in a browser that notes what goes wrong in it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// openTab starts a browser whose every request is one of the operator's.
func openTab(t *testing.T, operator string) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(testenv.Browser(t)), chromedp.NoSandbox,
		chromedp.Flag("force-color-profile", "srgb"), chromedp.UserDataDir(t.TempDir()))
	limited, endTime := context.WithTimeout(context.Background(), 4*patience)
	alloc, endBrowser := chromedp.NewExecAllocator(limited, options...)
	b := &tab{t: t}
	ctx, endTab := chromedp.NewContext(alloc, chromedp.WithListener(b.hear))
	b.ctx = ctx
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && limited.Err() == nil {
			t.Errorf("the browser did not end well: %v", err)
		}
		endTab()
		endBrowser()
		endTime()
	})
	b.run(chromedp.Navigate("about:blank"))
	call(b, log.Enable, cdp.Empty{})
	call(b, network.Enable, network.EnableParams{})
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{operatorHeader: operator}})
	return b
}

// call sends one command.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.t.Fatal(err)
	}
}

// hear notes what the browser complains of.
func (b *tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.note("exception: " + e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			b.note(fmt.Sprintf("console.%s", e.Type))
		}
	case *log.EventEntryAdded: // violations of the policy, too
		b.note(fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
	}
}

func (b *tab) note(problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, problem)
}

// quiet fails the test if anything went wrong in the page so far.
func (b *tab) quiet(where string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, problem := range b.problems {
		b.t.Errorf("%s: %s", where, problem)
	}
	b.problems = nil
}

func (b *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns what a script comes to.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return value
}

// until waits for a script to come to true.
func (b *tab) until(what, script string) {
	b.t.Helper()
	testenv.Eventually(b.t, patience, func() bool { return eval[bool](b, script) }, "%s", what)
}

func TestBrowserLiveUpdates(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	b := openTab(t, "anna")
	b.run(chromedp.Navigate(h.server.URL+h.page.Path()), chromedp.WaitVisible("#pause"))
	b.until("an update arrives", `Number(document.documentElement.dataset.updates || 0) >= 2`)
	h.visit("/1", 40)
	b.until("the requests are counted on the page", `document.querySelector(".tiles").textContent.includes("40 since the start")`)
	if paths := eval[int](b, `document.querySelectorAll("svg.plot path.line, svg.plot path.band").length`); paths < 8 {
		t.Errorf("%d lines and bands are drawn, want 4 lines and 4 bands", paths)
	}
	b.run(chromedp.Click("#pause"))
	stopped := eval[string](b, `document.documentElement.dataset.updates`)
	h.visit("/1", 1)
	b.run(chromedp.Sleep(500 * time.Millisecond)) // five intervals in which nothing may come
	if now := eval[string](b, `document.documentElement.dataset.updates`); now != stopped {
		t.Errorf("paused at update %s, now %s", stopped, now)
	}
	b.run(chromedp.Click("#pause"))
	b.until("updates go on", `Number(document.documentElement.dataset.updates) > `+stopped)
	b.quiet("the overview")
}

func TestBrowserPurgesAndExplains(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	h.visit("/1", 3)
	b := openTab(t, "anna")
	b.run(chromedp.Navigate(h.server.URL+h.page.Path()+"/explain"), chromedp.SetValue("#url", h.server.URL+"/1"), chromedp.Submit("#url"), chromedp.WaitVisible("#answer"))
	if text := eval[string](b, `document.querySelector("main").innerText`); !strings.Contains(text, "It is served from the store.") {
		t.Errorf("explained:\n%s", text)
	}
	b.run(chromedp.Navigate(h.server.URL+h.page.Path()+"/tags"), chromedp.Click(`a[href*="target=red"]`), chromedp.WaitVisible("#target"))
	if target := eval[string](b, `document.querySelector("#target").value`); target != "red" {
		t.Errorf("the form asks for %q, want red", target)
	}
	b.run(chromedp.Click(`form button[type="submit"]`), chromedp.WaitVisible(".button--danger"), chromedp.Click(".button--danger"), chromedp.WaitVisible("#log"))
	if log := eval[string](b, `document.querySelector("table").innerText`); !strings.Contains(log, "anna") || !strings.Contains(log, "purge tag") || !strings.Contains(log, "red") {
		t.Errorf("the log says:\n%s", log)
	}
	misses := h.app.Pages.Stats().Reasons["uri-miss"]
	h.visit("/1", 1)
	if got := h.app.Pages.Stats().Reasons["uri-miss"]; got != misses+1 {
		t.Errorf("the page was not purged: %d misses, want %d", got, misses+1)
	}
	b.quiet("purge and explain")
}

// probes are pages with texts of visitors in them.
func probes(h *house) []string {
	evil := url.QueryEscape(hostile)
	return []string{
		"", "/routes", "/routes?reason=" + evil, "/keys?q=" + evil, "/tags", "/purges?by=tag&target=" + evil,
		"/sessions?user=anna", "/sessions?user=" + evil, "/explain?url=" + evil, "/explain?url=" + url.QueryEscape(h.server.URL+"/1?q="+evil),
		"/entry?key=" + url.QueryEscape(h.stored("/1?q="+evil)), "/entry?key=" + evil,
	}
}

func TestBrowserRunsNothingOfVisitors(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	h.visit("/1?q="+url.QueryEscape(hostile), 3)
	h.login("anna", hostile)
	b := openTab(t, "anna "+strings.NewReplacer("\x1b", "", "\u202e", "").Replace(hostile))
	for _, path := range probes(h) {
		b.run(chromedp.Navigate(h.server.URL + h.page.Path() + path))
		if pwned := eval[bool](b, `"pwned" in window || document.querySelector("main script, main img, main style, [onerror]") !== null`); pwned {
			t.Errorf("%s runs what a visitor wrote", path)
		}
		b.mu.Lock()
		for _, problem := range b.problems {
			// That a page answers 404 or 422 is no fault of its own.
			if !strings.Contains(problem, "Failed to load resource") {
				t.Errorf("%s: %s", path, problem)
			}
		}
		b.problems = nil
		b.mu.Unlock()
	}
	if text := eval[string](b, `document.body.innerText`); strings.ContainsAny(text, "\x1b\u202e") {
		t.Error("control characters are on the page as they are")
	}
}

// login makes a session of a user, by a browser that says what it is.
func (h *house) login(user, agent string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, "/", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("User-Agent", agent)
	r.RemoteAddr = "192.0.2.1:1234"
	var failed error
	signIn := h.app.Sessions.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		failed = h.app.Sessions.Login(r.Context(), user)
	}))
	signIn.ServeHTTP(&nothing{http.Header{}}, r)
	if failed != nil {
		h.t.Fatal(failed)
	}
}

// nothing is a writer for answers that nobody reads.
type nothing struct{ header http.Header }

func (n *nothing) Header() http.Header         { return n.header }
func (n *nothing) Write(b []byte) (int, error) { return len(b), nil }
func (n *nothing) WriteHeader(int)             {}

// TestBrowserLayout opens every page in three widths and both colour schemes. With
// ECHOIC_SCREENSHOTS set to a directory it leaves pictures there.
func TestBrowserLayout(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, func(cfg *console.Config) { cfg.Home = "/" })
	h.busy()
	b := openTab(t, "anna")
	shots := os.Getenv("ECHOIC_SCREENSHOTS")
	names := map[string]string{
		"overview": "", "routes": "/routes", "keys": "/keys?q=http", "tags": "/tags", "purges": "/purges", "sessions": "/sessions?user=anna",
		"explain": "/explain?url=" + url.QueryEscape(h.server.URL+"/1"), "entry": "/entry?key=" + url.QueryEscape(h.stored("/1")), "error": "/entry?key=site:1:v:x",
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 768, 1440} {
			call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			b.run(chromedp.EmulateViewport(width, 800))
			for name, path := range names {
				b.run(chromedp.Navigate(h.server.URL+h.page.Path()+path), chromedp.WaitVisible("main"))
				if wide := eval[bool](b, `document.documentElement.scrollWidth > document.documentElement.clientWidth`); wide {
					who := eval[string](b, `[...document.querySelectorAll("main *, header *, nav *")].filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest(".scroll")).map(e => e.tagName + "." + e.className).slice(0, 5).join(" ")`)
					t.Errorf("%s is wider than %d px (%s): %s", name, width, scheme, who)
				}
				if unlabelled := eval[string](b, unlabelled); unlabelled != "" {
					t.Errorf("%s has fields without a label: %s", name, unlabelled)
				}
				if shots != "" {
					picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(shots, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), picture, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}

// unlabelled lists fields and buttons that have no name for those who do not see.
const unlabelled = `[...document.querySelectorAll("input:not([type=hidden]), select, textarea, button")]
	.filter(e => !(e.labels && e.labels.length) && !e.getAttribute("aria-label") && !e.textContent.trim()).map(e => e.outerHTML).join(" ")`

// busy lets things happen that the pages can show.
func (h *house) busy() {
	for i := range 6 {
		for page := range 12 {
			h.visit(fmt.Sprintf("/%d", page), i)
		}
		h.visit("/private", 2)
		h.visit("/a-rather-long-path/with/many/parts/that-has-no-place-to-break-in-a-narrow-column?query=parameter-of-some-length&"+url.QueryEscape(hostile), 2)
		time.Sleep(110 * time.Millisecond) // a sample apart; nothing depends on it
	}
	h.login("anna", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36")
}

func TestBrowserKeyboard(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	b := openTab(t, "anna")
	b.run(chromedp.Navigate(h.server.URL+h.page.Path()+"/purges"), chromedp.KeyEvent("\t"))
	if text := eval[string](b, `document.activeElement.textContent`); text != "Skip to the content" {
		t.Errorf("the first stop of the keyboard is %q", text)
	}
	if outline := eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`); outline != "solid" {
		t.Errorf("the focus is not seen: outline %q", outline)
	}
	b.run(chromedp.KeyEvent("\r"))
	b.until("the skip link leads to the content", `location.hash === "#main"`)
	stops := 0
	for range 60 {
		b.run(chromedp.KeyEvent("\t"))
		stops++
		if eval[bool](b, `document.activeElement.type === "submit"`) {
			break
		}
	}
	if stops > 12 {
		t.Errorf("from the content to the button of the form it takes %d stops", stops)
	}
	b.quiet("the keyboard")
}
