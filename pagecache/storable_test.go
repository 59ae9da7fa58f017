package pagecache_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestNeverStored(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler http.HandlerFunc
		header  []string // of the request
	}{
		"Set-Cookie":            {handler: withHeader("Set-Cookie", "a=b")},
		"no-store":              {handler: withHeader("Cache-Control", "no-store")},
		"NO-STORE in a list":    {handler: withHeader("Cache-Control", "max-age=60, NO-STORE")},
		"private":               {handler: withHeader("Cache-Control", "private")},
		"qualified private":     {handler: withHeader("Cache-Control", `PRIVATE="set-cookie", max-age=60`)},
		"private for CDNs":      {handler: withHeader("CDN-Cache-Control", "private")},
		"no-cache":              {handler: withHeader("Cache-Control", "no-cache")},
		"max-age=0":             {handler: withHeader("Cache-Control", "max-age=0")},
		"bad max-age":           {handler: withHeader("Cache-Control", "max-age=x")},
		"two max-ages":          {handler: withHeader("Cache-Control", "max-age=60, max-age=0")},
		"Expires in the past":   {handler: withHeader("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")},
		"Expires 0":             {handler: withHeader("Expires", "0")},
		"Age beyond max-age":    {handler: withHeader("Cache-Control", "max-age=10", "Age", "11")},
		"Pragma":                {handler: withHeader("Pragma", "no-cache")},
		"Vary: *":               {handler: withHeader("Vary", "*")},
		"Vary: *, X":            {handler: withHeader("Vary", "Accept, *")},
		"Vary: Cookie":          {handler: withHeader("Vary", "Cookie")},
		"event stream":          {handler: withHeader("Content-Type", "text/event-stream")},
		"CRLF in a header":      {handler: withHeader("X-Evil", "a\r\nSet-Cookie: b=c")},
		"coding without Vary":   {handler: withHeader("Content-Encoding", "gzip")},
		"length mismatch":       {handler: withHeader("Content-Length", "1000")},
		"CSP nonce in the body": {handler: withHeader("Content-Security-Policy", "script-src 'nonce-body'")},
		"206":                   {handler: withStatus(206)},
		"304":                   {handler: withStatus(304)},
		"404 without a word":    {handler: withStatus(404)},
		"500":                   {handler: withStatus(500)},
		"429":                   {handler: withStatus(429)},
		"empty html":            {handler: withHeader("Content-Type", "text/html", "Empty", "yes")},
		"redirect to itself": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=60")
			http.Redirect(w, r, "/x", http.StatusMovedPermanently)
		}},
		"flushed":          {handler: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a"); w.(http.Flusher).Flush() }},
		"too long":         {handler: page(strings.Repeat("x", 2<<20))},
		"Authorization":    {handler: page("body"), header: []string{"Authorization", "Basic x"}},
		"request no-store": {handler: page("body"), header: []string{"Cache-Control", "no-store"}},
		"a part":           {handler: withStatus(206), header: []string{"Range", "bytes=0-1"}},
		"method override":  {handler: page("body"), header: []string{"X-HTTP-Method-Override", "DELETE"}},
		"Upgrade":          {handler: page("body"), header: []string{"Upgrade", "websocket"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.handler, nil)
			for range 2 {
				if r := s.get("http://a.test/x", tt.header...); isHit(t, r) {
					t.Fatal("served from the cache")
				}
			}
			s.wantRuns(2)
			if stats := s.cache.Stats(); stats.Sets != 0 {
				t.Fatalf("%d records were stored", stats.Sets)
			}
		})
	}
}

func withHeader(pairs ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(pairs); i += 2 {
			w.Header().Set(pairs[i], pairs[i+1])
		}
		if w.Header().Get("Empty") == "" {
			_, _ = io.WriteString(w, "body")
		}
	}
}

func withStatus(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		if status != 304 {
			_, _ = io.WriteString(w, "body")
		}
	}
}

func TestStored(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler http.HandlerFunc
		header  []string
	}{
		"plain":                        {handler: page("x")},
		"explicit max-age":             {handler: withHeader("Cache-Control", "max-age=60")},
		"s-maxage over max-age=0":      {handler: withHeader("Cache-Control", "max-age=0, s-maxage=60")},
		"CDN over own":                 {handler: withHeader("Cache-Control", "max-age=0", "CDN-Cache-Control", "max-age=60")},
		"404 with a word":              {handler: withHeaderStatus(404, "Cache-Control", "max-age=60")},
		"301 with a word":              {handler: withHeaderStatus(301, "Cache-Control", "max-age=60", "Location", "/y")},
		"Authorization made public":    {handler: withHeader("Cache-Control", "public, max-age=60"), header: []string{"Authorization", "Basic x"}},
		"App ignores request no-cache": {handler: page("x"), header: []string{"Cache-Control", "no-cache", "Pragma", "no-cache"}},
		"CSP nonce not in the body":    {handler: withHeader("Content-Security-Policy", "script-src 'nonce-zzz'")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.handler, nil)
			s.get("http://a.test/x", tt.header...)
			r := s.get("http://a.test/x", tt.header...)
			if !isHit(t, r) {
				t.Fatalf("not served from the cache: %v", r.Header)
			}
			s.wantRuns(1)
		})
	}
}

func withHeaderStatus(status int, pairs ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(pairs); i += 2 {
			w.Header().Set(pairs[i], pairs[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "body")
	}
}
