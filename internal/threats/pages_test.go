package threats_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
)

// pagesSite is a server of cached pages, to be attacked through its sockets.
type pagesSite struct {
	t      testing.TB
	pages  *pagecache.Pages
	cache  *cache.Cache
	echo   *echo.Echo
	server *httptest.Server
}

// storeBytes is the cap of a site's store.
const storeBytes = 16 << 20

// ways are how an application can put the cache before its handlers.
var ways = []string{"decorator", "site-wide", "handler", "handler and decorator"}

// newPagesSite starts a site whose routes mount adds. Its cached routes get the
// decorator that mount is given, unless the cache is around all of it.
func newPagesSite(t testing.TB, way string, mount func(s *pagesSite, cached echo.MiddlewareFunc), edits ...func(*pagecache.Config)) *pagesSite {
	t.Helper()
	store, err := memory.New(memory.Config{MaxBytes: storeBytes})
	if err != nil {
		t.Fatal(err)
	}
	s := &pagesSite{t: t, echo: echo.New()}
	if s.cache, err = cache.New(cache.Config{Store: store, IgnoreErrors: true}); err != nil {
		t.Fatal(err)
	}
	cfg := pagecache.Config{Cache: s.cache, TTL: time.Hour, Development: true, SessionCookies: []string{"session"}, Secret: []byte("of this test")}
	for _, edit := range edits {
		edit(&cfg)
	}
	if s.pages, err = pagecache.New(cfg); err != nil {
		t.Fatal(err)
	}
	s.echo.HideBanner = true
	s.echo.Logger.SetOutput(io.Discard)
	s.echo.HTTPErrorHandler = middleware.ErrorHandler(s.echo.HTTPErrorHandler)
	cached := func(next echo.HandlerFunc) echo.HandlerFunc { return next }
	var h http.Handler = s.echo
	switch way {
	case "decorator":
		cached = middleware.CachePage(s.pages, time.Hour)
	case "site-wide":
		s.echo.Use(middleware.PageCache(s.pages))
	case "handler":
		h = s.pages.Handler(s.echo)
	case "handler and decorator":
		cached = middleware.CachePage(s.pages, time.Hour)
		h = s.pages.Handler(s.echo)
	default:
		t.Fatalf("no way to mount: %q", way)
	}
	mount(s, cached)
	s.server = httptest.NewServer(h)
	t.Cleanup(func() {
		s.server.Close()
		_ = s.pages.Close()
		_ = s.cache.Close()
		_ = store.Close()
	})
	return s
}

// got is an answer as it came over the wire.
type got struct {
	status int
	header http.Header
	body   string
	raw    string
}

// send writes raw on a connection of its own and reads all that comes back.
func (s *pagesSite) send(raw string) got {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	// A server that refuses early may have closed before all was written.
	_, _ = io.WriteString(conn, raw)
	all, _ := io.ReadAll(conn)
	g := got{raw: string(all)}
	method, _, _ := strings.Cut(raw, " ")
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(g.raw)), &http.Request{Method: method})
	if err != nil {
		return g
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	g.status, g.header, g.body = res.StatusCode, res.Header, string(body)
	return g
}

func (g got) hit() bool { return strings.Contains(g.header.Get("Cache-Status"), "; hit") }

// essence is what an answer says, without what is of its time.
func (g got) essence() string {
	var b strings.Builder
	fmt.Fprintln(&b, g.status)
	for _, name := range slices.Sorted(maps.Keys(g.header)) {
		switch name {
		case "Date", "Age", "Cache-Status", "X-Request-Id", "Server-Timing":
		default:
			fmt.Fprintln(&b, name, g.header[name])
		}
	}
	return b.String() + "\n" + g.body
}

// req is a request for good.test, as bytes.
func req(line string, fields ...string) string {
	return line + " HTTP/1.1\r\nHost: good.test\r\n" + strings.Join(append(fields, "Connection: close", "", ""), "\r\n")
}

// sequence is an attack and what somebody else asks for afterwards.
type sequence struct {
	name   string
	attack []string
	clean  string // "GET /page" if empty
}

// mirrorPage shows all that a handler can learn of its request and that somebody
// else could have put there, as the most careless application would. Fields that
// every application has to name in Vary are left out.
func mirrorPage(c echo.Context) error {
	r := c.Request()
	var b strings.Builder
	fmt.Fprintln(&b, r.Method, r.Host, r.RequestURI, r.URL.String(), r.URL.Scheme, r.URL.User, r.URL.Host, r.URL.Path, r.URL.RawPath, r.URL.RawQuery)
	fmt.Fprintln(&b, c.Scheme(), strings.HasPrefix(c.RealIP(), "127."), c.Path(), c.ParamValues(), c.QueryString(), c.QueryParams())
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		switch name {
		case "Connection", "Accept-Encoding", "Cache-Control", "Expect", "If-Range", "Range", "User-Agent":
		default:
			fmt.Fprintln(&b, name, r.Header[name])
		}
	}
	_ = r.ParseForm()
	fmt.Fprintln(&b, r.Form, r.PostForm, r.Cookies())
	var bound struct {
		Q string `query:"q" json:"q" form:"q"`
	}
	_ = c.Bind(&bound)
	fmt.Fprintln(&b, bound.Q)
	c.Response().Header().Set("Vary", "Accept-Language, X-Mode")
	c.Response().Header().Set("Link", "<"+r.Host+">; rel=canonical")
	return c.HTML(http.StatusOK, b.String())
}

// judge plays a sequence: the clean requests after the attack get, byte for byte,
// what they get of a site that nobody has attacked, and as early from the cache.
func judge(t *testing.T, seq sequence, newSite func() *pagesSite) {
	t.Helper()
	clean := seq.clean
	if clean == "" {
		clean = req("GET /page")
	}
	virgin := newSite()
	want := []got{virgin.send(clean), virgin.send(clean)}
	s := newSite()
	for _, raw := range seq.attack {
		s.send(raw)
	}
	for i, want := range want {
		now := s.send(clean)
		if now.essence() != want.essence() {
			t.Fatalf("after the attack, clean request %d got\n%s\ninstead of\n%s", i+1, now.essence(), want.essence())
		}
		if want.hit() && !now.hit() {
			t.Fatalf("after the attack, clean request %d is no hit: %s", i+1, now.header["Cache-Status"])
		}
	}
}
