package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/ratelimit"
	"github.com/echoic-go/echoic/ratelimit/memory"
)

func newLimiter(t testing.TB) *ratelimit.Limiter {
	t.Helper()
	store, err := memory.New(memory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := ratelimit.New(ratelimit.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// ask sends a request from an address.
func ask(h http.Handler, method, target, from string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = from
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func hello(c echo.Context) error { return c.String(http.StatusOK, "hello") }

var twoAnHour = ratelimit.Limit{Name: "hourly", Requests: 4, Period: time.Hour, Burst: 2}

func TestRateLimitAnswers(t *testing.T) {
	t.Parallel()
	e := newEcho()
	e.GET("/", hello, middleware.RateLimit(newLimiter(t), twoAnHour))
	for left := int64(1); left >= 0; left-- {
		got := ask(e, http.MethodGet, "/", "192.0.2.1:1")
		if got.StatusCode != 200 || got.Header.Get("Retry-After") != "" || got.Header.Get("Cache-Control") != "" {
			t.Fatalf("%d %v", got.StatusCode, got.Header)
		}
		checkFields(t, got.Header, "hourly", 4, 3600, left)
	}
	got := ask(e, http.MethodGet, "/", "192.0.2.1:2")
	wait, err := strconv.Atoi(got.Header.Get("Retry-After"))
	if got.StatusCode != http.StatusTooManyRequests || err != nil || wait < 850 || wait > 900 || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
	if body := text(t, got); !strings.Contains(body, "Too many requests. Try again in 1") {
		t.Errorf("%q", body)
	}
	checkFields(t, got.Header, "hourly", 4, 3600, 0)
	if got := ask(e, http.MethodGet, "/", "192.0.2.2:1"); got.StatusCode != 200 {
		t.Errorf("somebody else: %d", got.StatusCode)
	}
}

// checkFields reads the fields as structured fields.
func checkFields(t *testing.T, h http.Header, name string, q, w, r int64) {
	t.Helper()
	item := func(field string) httpsfv.Item {
		list, err := httpsfv.UnmarshalList(h[http.CanonicalHeaderKey(field)])
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %q: %v", field, h[http.CanonicalHeaderKey(field)], err)
		}
		return list[0].(httpsfv.Item)
	}
	param := func(i httpsfv.Item, key string) any { v, _ := i.Params.Get(key); return v }
	policy, state := item("RateLimit-Policy"), item("RateLimit")
	if policy.Value != name || param(policy, "q") != q || param(policy, "w") != w {
		t.Errorf("policy %v %v %v", policy.Value, param(policy, "q"), param(policy, "w"))
	}
	if reset, ok := param(state, "t").(int64); state.Value != name || param(state, "r") != r || !ok || reset < 0 || reset > 1800 {
		t.Errorf("state %v %v %v", state.Value, param(state, "r"), param(state, "t"))
	}
}

func TestRateLimitAddresses(t *testing.T) {
	t.Parallel()
	e := newEcho()
	once := ratelimit.Limit{Requests: 1, Period: time.Hour}
	e.GET("/", hello, middleware.RateLimit(newLimiter(t), once, middleware.ByAddress(netip.MustParsePrefix("10.0.0.0/8"))))
	for _, row := range []struct {
		name, from, forwarded string
		status                int
	}{
		{"the first", "192.0.2.1:1", "", 200},
		{"another port", "192.0.2.1:2", "", 429},
		{"a made-up header", "192.0.2.1:1", "198.51.100.1", 429},
		{"another made-up header", "192.0.2.1:1", "198.51.100.2", 429},
		{"behind the proxy", "10.0.0.1:1", "198.51.100.1", 200},
		{"again behind another proxy", "10.0.0.2:1", "1.2.3.4, 198.51.100.1, 10.0.0.1", 429},
		{"IPv6", "[2001:db8::1]:1", "", 200},
		{"its neighbour in the /64", "[2001:db8::ffff:2]:1", "", 429},
		{"another /64", "[2001:db8:0:1::1]:1", "", 200},
		{"IPv4 in IPv6", "[::ffff:192.0.2.1]:1", "", 429},
		{"without an address", "@", "", 200},
		{"another one without", "", "", 429},
	} {
		var header []string
		if row.forwarded != "" {
			header = []string{"X-Forwarded-For", row.forwarded, "X-Real-IP", row.forwarded}
		}
		if got := ask(e, http.MethodGet, "/", row.from, header...); got.StatusCode != row.status {
			t.Errorf("%s: %d, want %d", row.name, got.StatusCode, row.status)
		}
	}
}

func TestRateLimitRules(t *testing.T) {
	t.Parallel()
	e := newEcho()
	var responded int
	e.POST("/login", hello, middleware.RateLimitWithConfig(middleware.RateLimitConfig{
		Limiter: newLimiter(t),
		Rules: []middleware.RateRule{
			{Limit: ratelimit.Limit{Name: "address", Requests: 20, Period: time.Hour, Burst: 5}},
			{Limit: ratelimit.Limit{Name: "user", Requests: 4, Period: time.Hour, Burst: 2}, Key: middleware.AllOf(middleware.ByAddress(), middleware.ByForm("user"))},
		},
		Group:   middleware.ByAddress(),
		Skipper: func(c echo.Context) bool { return c.QueryParam("skip") != "" },
		Denied: func(c echo.Context, d ratelimit.Decision) error {
			responded++
			return c.String(http.StatusTooManyRequests, "slow down")
		},
	}))
	login := func(user string) *http.Response {
		return ask(e, http.MethodPost, "/login?user="+user, "192.0.2.1:1")
	}
	for i, want := range []int{200, 200, 429, 429, 429, 429} { // the denied ones cost the address nothing
		if got := login("Anna"); got.StatusCode != want {
			t.Fatalf("attempt %d: %d", i, got.StatusCode)
		}
	}
	for i, want := range []int{200, 200, 200, 429} { // of five
		if got := login("user" + strconv.Itoa(i)); got.StatusCode != want {
			t.Errorf("another user, %d: %d", i, got.StatusCode)
		}
	}
	if got := login(""); got.StatusCode != 429 || strings.Count(got.Header.Get("RateLimit"), `"`) != 2 {
		t.Errorf("without a name only the address counts: %d %v", got.StatusCode, got.Header)
	}
	if got := ask(e, http.MethodPost, "/login?skip=1", "192.0.2.1:1"); got.StatusCode != 200 || got.Header.Get("RateLimit") != "" {
		t.Errorf("skipped: %d %v", got.StatusCode, got.Header)
	}
	if responded != 6 {
		t.Errorf("Denied was asked %d times", responded)
	}
}

func TestRateLimitCostAndRoute(t *testing.T) {
	t.Parallel()
	e := newEcho()
	e.Use(middleware.RateLimitWithConfig(middleware.RateLimitConfig{
		Limiter: newLimiter(t), HideHeaders: true,
		Rules: []middleware.RateRule{{Limit: ratelimit.Limit{Requests: 8, Period: time.Hour, Burst: 4}, Key: middleware.FirstOf(middleware.ByForm("tenant"), middleware.ByRoute())}},
		Cost:  func(c echo.Context) int { n, _ := strconv.Atoi(c.QueryParam("cost")); return n },
	}))
	e.GET("/items/:id", hello)
	for i, row := range []struct {
		target string
		status int
	}{
		{"/items/1?cost=3", 200}, {"/items/2?cost=2", 429}, {"/items/3?cost=0", 200}, {"/items/4?cost=1", 200}, {"/items/5?cost=1", 429},
		{"/items/5?cost=1&tenant=b", 200}, {"/items/1?cost=9&tenant=c", 429},
	} {
		got := ask(e, http.MethodGet, row.target, "192.0.2.1:1")
		if got.StatusCode != row.status || got.Header.Get("RateLimit") != "" || (row.status == 429) != (got.Header.Get("Retry-After") != "") {
			t.Errorf("%d: %s: %d %v", i, row.target, got.StatusCode, got.Header)
		}
	}
}

func TestRateLimitPanics(t *testing.T) {
	t.Parallel()
	l := newLimiter(t)
	for name, f := range map[string]func(){
		"no limiter":  func() { middleware.RateLimit(nil, twoAnHour) },
		"no rules":    func() { middleware.RateLimitWithConfig(middleware.RateLimitConfig{Limiter: l}) },
		"wrong limit": func() { middleware.RateLimit(l, ratelimit.Limit{}) },
		"same name": func() {
			middleware.RateLimitWithConfig(middleware.RateLimitConfig{Limiter: l, Rules: []middleware.RateRule{{Limit: twoAnHour}, {Limit: twoAnHour}}})
		},
		"no sessions": func() { middleware.ByUser(nil) },
		"many of them": func() {
			middleware.RateLimitWithConfig(middleware.RateLimitConfig{Limiter: l, Rules: make([]middleware.RateRule, 9)})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// Neither a 429 nor the fields of one visitor get into a page that others see, in
// either order and behind the outer engine.
func TestRateLimitAndPages(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"outside", "inside", "engine"} {
		pages := newPages(t, nil)
		e := newEcho()
		made := 0
		handler := func(c echo.Context) error { made++; return c.String(http.StatusOK, "page") }
		limit := middleware.RateLimit(newLimiter(t), twoAnHour)
		page := middleware.CachePage(pages, time.Minute)
		server := http.Handler(e)
		switch order {
		case "outside":
			e.GET("/*", handler, limit, page)
		case "inside":
			e.GET("/*", handler, page, limit)
		case "engine":
			e.GET("/*", handler, limit, page)
			server = pages.Handler(e)
		}
		// One visitor uses up his limit with two pages, and gets 429 for a third.
		for i, want := range []int{200, 200, 429} {
			if got := ask(server, http.MethodGet, "/"+strconv.Itoa(i), "192.0.2.1:1"); got.StatusCode != want {
				t.Errorf("%s: page %d: %d", order, i, got.StatusCode)
			}
		}
		for i := range 3 {
			got := ask(server, http.MethodGet, "/"+strconv.Itoa(i), "192.0.2.9:1")
			hit := strings.Contains(got.Header.Get("Cache-Status"), "hit")
			if order == "outside" && i == 2 { // this visitor's limit is used up as well, by hits
				if got.StatusCode != 429 || hit {
					t.Errorf("%s: %d %v", order, got.StatusCode, got.Header)
				}
				continue
			}
			if got.StatusCode != 200 || text(t, got) != "page" || hit != (i < 2) {
				t.Errorf("%s: page %d: %d %v", order, i, got.StatusCode, got.Header)
			}
			fields := got.Header["Ratelimit"]
			counted := order == "outside" || i == 2
			if counted != (len(fields) == 1) || got.Header.Get("Retry-After") != "" || counted && strings.Contains(fields[0], "r=0") != (i == 1) {
				t.Errorf("%s: page %d: %v", order, i, got.Header)
			}
		}
	}
}

// What the cache does by itself is charged to nobody.
func TestRateLimitLeavesRefreshesOut(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64 // of the pages' clock
	pages := newPages(t, func(cfg *pagecache.Config) {
		cfg.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	e := newEcho()
	refreshed := make(chan struct{}, 1)
	made := 0
	e.GET("/", func(c echo.Context) error {
		if made++; made == 2 {
			defer func() { refreshed <- struct{}{} }()
		}
		return c.String(http.StatusOK, "page")
	}, middleware.RateLimit(newLimiter(t), twoAnHour), middleware.CachePage(pages, time.Minute, pagecache.StaleWhileRevalidate(time.Hour)))
	ask(e, http.MethodGet, "/", "192.0.2.1:1")
	ahead.Store(int64(2 * time.Minute)) // the page is stale now
	got := ask(e, http.MethodGet, "/", "192.0.2.1:1")
	if got.StatusCode != 200 || !strings.Contains(got.Header.Get("RateLimit"), "r=0") {
		t.Fatalf("%d %v", got.StatusCode, got.Header)
	}
	select {
	case <-refreshed:
	case <-time.After(20 * time.Second):
		t.Error("the page was not made anew: the refresh was charged to the visitor")
	}
	if err := pages.Close(); err != nil {
		t.Error(err)
	}
}
