package console_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testenv.Wrap(m)) }

// hostile is what visitors may call things.
const hostile = `<script>window.pwned=1</script>"'><img src=x onerror="window.pwned=2">` + "\x1b[31m\u202e"

// house is an application with a console, and its server.
type house struct {
	t      *testing.T
	app    *echoic.App
	page   *console.Console
	server *httptest.Server
}

// operatorHeader is how tests say who asks.
const operatorHeader = "X-Operator"

func authorize(r *http.Request) (string, error) {
	switch name := r.Header.Get(operatorHeader); name {
	case "":
		return "", fmt.Errorf("test: %w", console.ErrUnauthenticated)
	case "guest":
		return "", errors.New("no operator")
	default:
		return name, nil
	}
}

func newHouse(t *testing.T, edit func(*echoic.Config), set func(*console.Config)) *house {
	t.Helper()
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
	cfg.CachePrefix = "site"
	h := &house{t: t}
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	if edit != nil {
		edit(&cfg)
	}
	var err error
	if h.app, err = echoic.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.app.Close(); err != nil {
			t.Error(err)
		}
	})
	settings := console.Config{Authorize: authorize, Interval: 100 * time.Millisecond}
	if set != nil {
		set(&settings)
	}
	if h.page, err = h.app.Console(settings); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(h.page.Path(), h.page)
	mux.Handle(h.page.Path()+"/", h.page)
	mux.Handle("/", h.app.Pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "red", hostile)
		if r.URL.Path == "/private" {
			cache.Private(r.Context(), "test")
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<p>hello ", hostile)
	})))
	h.server = httptest.NewServer(mux)
	t.Cleanup(h.server.Close)
	return h
}

// visit asks for a page of the site, some times.
func (h *house) visit(path string, times int) {
	h.t.Helper()
	for range times {
		r := httptest.NewRequest(http.MethodGet, h.server.URL+path, nil)
		r.Header.Set("User-Agent", hostile)
		h.server.Config.Handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// ask sends a request to the console as the operator "anna".
func (h *house) ask(method, path string, form url.Values, header ...string) (int, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, h.server.URL+h.page.Path()+path, strings.NewReader(form.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set(operatorHeader, "anna")
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.URL.Scheme, r.URL.Host = "", ""
	if r.Host == "" {
		r.Host = strings.TrimPrefix(h.server.URL, "http://")
	}
	h.server.Config.Handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

var tokens = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token is one of a form of the console.
func (h *house) token() string {
	h.t.Helper()
	_, body := h.ask("GET", "/purges", nil)
	found := tokens.FindStringSubmatch(body)
	if found == nil {
		h.t.Fatal("the page has no form with a token")
	}
	return found[1]
}
