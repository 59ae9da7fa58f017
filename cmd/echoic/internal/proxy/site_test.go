package proxy_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/cmd/echoic/internal/proxy"
	"github.com/echoic-go/echoic/pagecache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is an origin with a proxy before it, each with sockets of its own.
type site struct {
	t      *testing.T
	origin *httptest.Server
	front  *httptest.Server
	client *http.Client
	log    *lockedBuffer
	ahead  atomic.Int64 // of the real time, in nanoseconds
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// newSite puts the proxy before a handler.
func newSite(t *testing.T, handler http.HandlerFunc, edits ...func(*pagecache.Config)) *site {
	t.Helper()
	origin := httptest.NewServer(handler)
	t.Cleanup(origin.Close)
	s := newSiteBefore(t, origin.URL, edits...)
	s.origin = origin
	return s
}

func newSiteBefore(t *testing.T, originURL string, edits ...func(*pagecache.Config)) *site {
	t.Helper()
	s := &site{t: t, log: new(lockedBuffer)}
	store, err := memory.New(memory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := cache.New(cache.Config{Store: store, IgnoreErrors: true, Now: s.now})
	if err != nil {
		t.Fatal(err)
	}
	cfg := pagecache.Config{Cache: kept, Strict: true, Heuristic: 0.1, Development: true, Now: s.now}
	for _, edit := range edits {
		edit(&cfg)
	}
	pages, err := pagecache.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(originURL)
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.New(proxy.Config{Origin: u, Pages: pages, Logger: slog.New(slog.NewTextHandler(s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.front = httptest.NewServer(p)
	transport := &http.Transport{DisableCompression: true}
	s.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.front.Close()
		_ = p.Close()
		_ = pages.Close()
		_ = kept.Close()
		_ = store.Close()
	})
	return s
}

// answer is what came back, with its body read.
type answer struct {
	*http.Response
	text string
}

func (s *site) do(method, path string, header http.Header, body io.Reader) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.front.URL+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range header {
		if name == "Host" {
			r.Host = values[0]
			continue
		}
		r.Header[name] = values
	}
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: body: %v", method, path, err)
	}
	return answer{res, string(b)}
}

func (s *site) get(path string, pairs ...string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, path, fields(pairs...), nil)
}

// fields makes a header of names and values; "" as a value makes an empty one.
func fields(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// date is an HTTP date some seconds from now.
func date(seconds int) string {
	return time.Now().Add(time.Duration(seconds) * time.Second).UTC().Format(http.TimeFormat)
}

func hit(a answer) bool { return strings.Contains(a.Header.Get("Cache-Status"), "; hit") }

// numbered is an origin that counts its answers in their bodies.
func numbered(pairs ...string) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(pairs); i += 2 {
			w.Header().Add(pairs[i], pairs[i+1])
		}
		_, _ = fmt.Fprint(w, n.Add(1))
	}
}
