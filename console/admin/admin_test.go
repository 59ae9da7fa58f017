package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/console/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is the least that there is: who serves it knows no more.
type source struct{}

func (source) Overview(context.Context) (console.Overview, error) {
	return console.Overview{Prefix: "quotes"}, nil
}

func (source) Activity(context.Context) (console.Activity, error) {
	return console.Activity{}, errors.New("the stores are away")
}

func (source) Explain(_ context.Context, q console.Question) (console.Explanation, error) {
	return console.Explanation{}, &console.TargetError{Reason: "no such thing as " + q.URL}
}

// Warm implements admin.Warmer.
func (source) Warm(_ context.Context, order admin.WarmOrder, told func(admin.Warmed)) error {
	for _, u := range append(order.URLs, order.Sitemaps...) {
		told(admin.Warmed{URL: u, Status: 200})
		if u == last {
			return errors.New("this was the last")
		}
	}
	return nil
}

const last = "http://a.test/last"

// A list for a warm-up may be longer than one question.
func TestWarmsManyPages(t *testing.T) {
	t.Parallel()
	s := listen(t, "127.0.0.1:0", token)
	c := dial(t, s.Addr(), token)
	urls := make([]string, 5000)
	for i := range urls {
		urls[i] = fmt.Sprintf("http://a.test/%d?of=a&query=with<what>&json=escapes", i)
	}
	var told []string
	note := func(one admin.Warmed) { told = append(told, one.URL) }
	if err := c.Warm(t.Context(), admin.WarmOrder{URLs: urls}, note); err != nil || !slices.Equal(told, urls) {
		t.Errorf("%d of %d were warmed: %v", len(told), len(urls), err)
	}
	told, urls[10] = nil, last
	if err := c.Warm(t.Context(), admin.WarmOrder{URLs: urls}, note); err == nil || !strings.Contains(err.Error(), "the last") || len(told) != 11 {
		t.Errorf("it goes on after a failure: %d were warmed: %v", len(told), err)
	}
	if err := c.Warm(t.Context(), admin.WarmOrder{URLs: []string{strings.Repeat("x", 1<<20)}}, note); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("one of a million bytes: %v", err)
	}
	told, urls[10] = nil, "http://a.test/10"
	if err := c.Warm(t.Context(), admin.WarmOrder{URLs: urls, Sitemaps: []string{"http://a.test/map"}}, note); err != nil || len(told) != 5001 || told[5000] != "http://a.test/map" {
		t.Errorf("the sitemap comes once, at the end: %d were warmed: %v", len(told), err)
	}
	for _, row := range []struct {
		order admin.WarmOrder
		want  string
	}{
		{admin.WarmOrder{}, "give URLs"}, {admin.WarmOrder{Top: -1}, "1 to 256"}, {admin.WarmOrder{Top: 257}, "1 to 256"},
		{admin.WarmOrder{Top: 1, PerSecond: -1}, "0 to 1000"}, {admin.WarmOrder{Top: 1, PerSecond: 1001}, "0 to 1000"},
	} {
		if err := c.Warm(t.Context(), row.order, note); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v", row.order, err)
		}
	}
}

const token = "a-token-of-enough-bytes"

func listen(t *testing.T, address, token string) *admin.Server {
	t.Helper()
	s, err := admin.Listen(t.Context(), admin.Config{Source: source{}, Address: address, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

func dial(t *testing.T, address, token string) *admin.Client {
	t.Helper()
	c, err := admin.Dial(address, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	s := listen(t, path, "")
	if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := admin.Listen(t.Context(), admin.Config{Source: source{}, Address: path}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second one: %v", err)
	}
	c := dial(t, path, "")
	if v, err := c.Overview(t.Context()); err != nil || v.Prefix != "quotes" {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := c.Activity(t.Context()); err == nil || !strings.Contains(err.Error(), "the stores are away") {
		t.Errorf("%v", err)
	}
	var target *console.TargetError
	if _, err := c.Explain(t.Context(), console.Question{URL: "x"}); !errors.As(err, &target) || target.Reason != "no such thing as x" {
		t.Errorf("%v", err)
	}
	if _, err := c.Purge(t.Context(), console.Purge{By: console.ByAll}); err == nil || !strings.Contains(err.Error(), "does not know") {
		t.Errorf("what the source cannot do: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket stays: %v", err)
	}
	if _, err := c.Overview(t.Context()); !errors.Is(err, admin.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Listen(t.Context(), admin.Config{Source: source{}, Address: path}); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("over a file: %v", err)
	}
}

// Who has no token gets nothing, and neither does a browser that has been talked
// into asking.
func TestPortRefuses(t *testing.T) {
	t.Parallel()
	s := listen(t, "127.0.0.1:0", token)
	if v, err := dial(t, s.Addr(), token).Overview(t.Context()); err != nil || v.Prefix != "quotes" {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := dial(t, s.Addr(), token+"x").Overview(t.Context()); err == nil || !strings.Contains(err.Error(), "ADMIN_TOKEN") {
		t.Errorf("a wrong token: %v", err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for name, row := range map[string]struct {
		change func(r *http.Request)
		status int
	}{
		"right":        {func(*http.Request) {}, 200},
		"no token":     {func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		"another host": {func(r *http.Request) { r.Host = "evil.example" }, 403},
		"an origin":    {func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403},
		"a browser":    {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") }, 403},
		"a form": {func(r *http.Request) {
			r.Method, r.Body = http.MethodPost, io.NopCloser(strings.NewReader("by=all"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}, 415},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr()+"/v1/overview", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		row.change(r)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _ = res.Body.Close(); res.StatusCode != row.status {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, row.status)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		address, token, want string
	}{
		{"./admin.sock", "", ""},
		{"/run/app/admin.sock", token, ""},
		{"127.0.0.1:9090", token, ""},
		{"[::1]:9090", token, ""},
		{"127.0.0.1:9090", "", "needs a token"},
		{"127.0.0.1:9090", "short", "at least 16"},
		{"0.0.0.0:9090", token, "not loopback"},
		{"localhost:9090", token, "not loopback"},
		{":9090", token, "not loopback"},
		{"admin.sock", token, "neither a path"},
	} {
		err := admin.CheckAddress(row.address, row.token)
		if (err == nil) != (row.want == "") || err != nil && (!strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), token)) {
			t.Errorf("%q: %v", row.address, err)
		}
	}
}
