package pagecache_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

// sessionKey is how a test's handler reaches the session below.
type sessionKey struct{}

// readable is a context with a session that counts reads through it.
type readable struct {
	context.Context
	reads *atomic.Uint64
}

func (c readable) Value(key any) any {
	switch key.(type) {
	case cache.SourceKey:
		return c
	case sessionKey:
		c.reads.Add(1)
		return "anna"
	}
	return c.Context.Value(key)
}

func (c readable) Reads() uint64  { return c.reads.Load() }
func (c readable) Reason() string { return "session" }

// lineBelow is file:line of the line after the call.
func lineBelow() string {
	_, file, line, _ := runtime.Caller(1)
	return file[strings.LastIndexByte(file, '/')+1:] + ":" + strconv.Itoa(line+1)
}

// revealing are handlers whose answers cannot be kept; they say in want where.
func revealing(want *string) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"private": func(_ http.ResponseWriter, r *http.Request) {
			*want = lineBelow()
			cache.Private(r.Context(), "mine")
			cache.Private(r.Context(), "mine again")
		},
		"private in a part": func(_ http.ResponseWriter, r *http.Request) {
			ctx, _ := cache.Open(r.Context())
			*want = lineBelow()
			cache.Private(ctx, "mine")
		},
		"private when it was stored": func(_ http.ResponseWriter, r *http.Request) {
			ctx, _ := cache.Open(r.Context())
			*want = lineBelow()
			cache.ScopeOf(ctx).Merge(cache.Deps{Private: "mine"})
		},
		"session": func(_ http.ResponseWriter, r *http.Request) {
			*want = lineBelow()
			r.Context().Value(sessionKey{})
			r.Context().Value(sessionKey{})
		},
		"session in a context of its own": func(_ http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
			defer cancel()
			*want = lineBelow()
			ctx.Value(sessionKey{})
		},
		"cookie": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Other", "1")
			*want = lineBelow()
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			w.Header().Set("X-More", "1")
		},
		"cookie at the end": func(w http.ResponseWriter, _ *http.Request) {
			*want = lineBelow()
			w.Header().Add("Set-Cookie", "a=b")
		},
		"Cache-Control": func(w http.ResponseWriter, _ *http.Request) {
			*want = lineBelow()
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-More", "1")
		},
	}
}

// The place in the code that kept a page from being stored is told: in development.
func TestCodeLocation(t *testing.T) {
	kept := map[string]pagecache.Reason{
		"cookie": pagecache.ReasonSetCookie, "cookie at the end": pagecache.ReasonSetCookie, "Cache-Control": pagecache.ReasonNoStore,
		"private": pagecache.ReasonPrivateScope, "private in a part": pagecache.ReasonPrivateScope,
		"private when it was stored": pagecache.ReasonPrivateScope,
		"session":                    pagecache.ReasonPrivateScope, "session in a context of its own": pagecache.ReasonPrivateScope,
	}
	var want string
	for name, handler := range revealing(&want) {
		t.Run(name, func(t *testing.T) {
			for _, development := range []bool{true, false} {
				s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
					handler(w, r)
					_, _ = w.Write([]byte("page"))
				}, func(cfg *pagecache.Config) { cfg.Development = development })
				r := httptest.NewRequest(http.MethodGet, "http://site.test/", nil)
				s.h.ServeHTTP(httptest.NewRecorder(), r.WithContext(readable{r.Context(), new(atomic.Uint64)}))
				d := s.pages.Recent()[0]
				if d.Kept != kept[name] {
					t.Fatalf("kept: %q, want %q", d.Kept, kept[name])
				}
				switch {
				case !development && d.Details != nil:
					t.Errorf("details in production: %+v", d.Details)
				case development && !strings.HasPrefix(d.Details.Code, want+" (pagecache_test."):
					t.Errorf("code %q, want %q", d.Details.Code, want)
				}
			}
		})
	}
}

// A decision says in development what the page was looked up under, what it
// carries, and why it is fresh for as long as it is: for what was made and for hits.
func TestDetails(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "quote:1")
		w.Header().Set("Vary", "Accept-Language")
		_, _ = w.Write([]byte("page"))
	}, nil, pagecache.VaryOn("X-Kind"), pagecache.VaryOnCookie("theme"), pagecache.WithKey(func(*http.Request) []string { return []string{"tenant"} }))
	want := []pagecache.KeyPart{
		{Name: "scheme", Value: "http"}, {Name: "host", Value: "site.test"}, {Name: "path", Value: "/a"}, {Name: "query", Value: "p=2"},
		{Name: "cookie theme", Value: "(present)"}, {Name: "header X-Kind", Value: "(absent)"}, {Name: "header Accept-Language", Value: "de"},
		{Name: "own part 1", Value: "tenant"},
	}
	for i, tier := range []string{"handler", "memory", "memory", "memory"} {
		s.get("http://site.test:80/a?utm_source=x&p=2", "Cookie", "theme=secret-theme", "Accept-Language", "de")
		d := s.pages.Recent()[0]
		if d.Tier != tier || d.Details == nil {
			t.Fatalf("request %d: tier %q, details %v", i, d.Tier, d.Details)
		}
		if !slices.Equal(d.Details.Key, want) {
			t.Errorf("request %d: key\n%v\nwant\n%v", i, d.Details.Key, want)
		}
		if !slices.Equal(d.Details.Tags, []string{"quote:1"}) || d.Details.Life != time.Minute || d.Details.LifeFrom != "the default TTL" {
			t.Errorf("request %d: %+v", i, d.Details)
		}
	}
}

func TestLifeSource(t *testing.T) {
	for _, tt := range []struct {
		name, field, value, want string
		opts                     []pagecache.Option
		status                   int
		ends                     time.Duration
	}{
		{name: "default", want: "the default TTL", status: 200},
		{name: "max-age", field: "Cache-Control", value: "max-age=60", want: "Cache-Control: max-age", status: 200},
		{name: "s-maxage", field: "Cache-Control", value: "max-age=1, s-maxage=60", want: "Cache-Control: s-maxage", status: 200},
		{name: "targeted", field: "CDN-Cache-Control", value: "max-age=60", want: "CDN-Cache-Control", status: 200},
		{name: "Expires", field: "Expires", value: time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), want: "Expires", status: 200},
		{name: "status", want: "StatusTTL of the route", status: 404, opts: []pagecache.Option{pagecache.StatusTTL(404, time.Minute)}},
		{name: "part", want: "something on the page ends earlier", status: 200, ends: 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				if tt.field != "" {
					w.Header().Set(tt.field, tt.value)
				}
				if tt.ends > 0 {
					cache.Expire(r.Context(), time.Now().Add(tt.ends))
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte("page"))
			}, nil, tt.opts...)
			for range 2 {
				s.get("http://site.test/")
				if d := s.pages.Recent()[0]; d.Details.LifeFrom != tt.want {
					t.Errorf("%s %s: %q, want %q", d.Reason, d.Kept, d.Details.LifeFrom, tt.want)
				}
			}
		})
	}
}

// Who watches a request is told of it, and in production nobody is.
func TestWatch(t *testing.T) {
	for _, development := range []bool{true, false} {
		s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("page")) },
			func(cfg *pagecache.Config) { cfg.Development = development })
		var told []pagecache.Reason
		for range 3 {
			r := httptest.NewRequest(http.MethodGet, "http://site.test/", nil)
			ctx := pagecache.Watch(r.Context(), func(d pagecache.Decision) { told = append(told, d.Reason) })
			s.h.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
		}
		want := []pagecache.Reason{pagecache.ReasonNotFound, pagecache.ReasonHit, pagecache.ReasonHit}
		if !development {
			want = nil
		}
		if !slices.Equal(told, want) {
			t.Errorf("development %v: told %v", development, told)
		}
	}
}

func TestURLParts(t *testing.T) {
	s := newSite(t, func(http.ResponseWriter, *http.Request) {}, nil)
	parts, err := s.pages.URLParts("https://Site.test:443?b=1&a=2&utm_x=3")
	want := []pagecache.KeyPart{{Name: "scheme", Value: "https"}, {Name: "host", Value: "site.test"}, {Name: "path", Value: "/"}, {Name: "query", Value: "a=2&b=1"}}
	if err != nil || !slices.Equal(parts, want) {
		t.Errorf("%v, %v", parts, err)
	}
	if _, err := s.pages.URLParts("/relative"); err == nil {
		t.Error("a relative URL has parts")
	}
}
