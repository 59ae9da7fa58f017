package proxy_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// RFC 9111, section 4.1.
func TestVary(t *testing.T) {
	vary := func(value string) []string { return []string{"Cache-Control", "max-age=3600", "Vary", value} }
	two := func(rule string, value string, first, second []string, from int) scenario {
		return scenario{rule, []step{{ask: first, give: vary(value), from: 1}, {ask: second, give: vary(value), from: from}}}
	}
	one := []string{"Foo", "1"}
	runAll(t, []scenario{
		two("same", "Foo", one, one, 1),
		two("another value", "Foo", one, []string{"Foo", "2"}, 2),
		two("absent first", "Foo", nil, one, 2),
		two("absent then", "Foo", one, nil, 2),
		two("absent and empty", "Foo", nil, []string{"Foo", ""}, 2),
		two("absent both times", "Foo, Bar", one, one, 1),
		two("other fields", "Foo", append([]string{"Other", "2"}, one...), append([]string{"Other", "3"}, one...), 1),
		two("lines and commas", "Foo", []string{"Foo", "1, 2"}, []string{"Foo", "1", "Foo", "2"}, 1),
		two("spaces in a list", "Foo", []string{"Foo", "1,2"}, []string{"Foo", " 1, 2 "}, 1),
		two("spaces in quotes", "Foo", []string{"Foo", `"1,2"`}, []string{"Foo", `"1, 2"`}, 2),
		two("spaces in what is no list", "User-Agent", []string{"User-Agent", "a,b"}, []string{"User-Agent", "a, b"}, 2),
		two("order of languages", "Accept-Language", []string{"Accept-Language", "en, de"}, []string{"Accept-Language", "de, en"}, 1),
		two("case of languages", "Accept-Language", []string{"Accept-Language", "en, de"}, []string{"Accept-Language", "eN, De"}, 1),
		two("spaces in languages", "Accept-Language", []string{"Accept-Language", "en, de"}, []string{"Accept-Language", " en ,   de"}, 1),
		two("star", "*", one, one, 2),
		two("star twice", "*, *", one, one, 2),
		two("empty and star", ", *", one, one, 2),
		two("star and a name", "*, Foo", one, one, 2),
		two("a name and star", "Foo, *", one, one, 2),
		{"two variants", []step{
			{ask: one, give: vary("Foo"), from: 1}, {ask: []string{"Foo", "2"}, give: vary("Foo"), from: 2}, {ask: one, from: 1}, {ask: []string{"Foo", "2"}, from: 2},
		}},
		{"star in a second line", []step{
			{give: []string{"Cache-Control", "max-age=3600", "Vary", "", "Vary", "*"}, from: 1}, {from: 2},
		}},
		{"two lines", []step{
			{ask: []string{"A", "1", "B", "1"}, give: []string{"Cache-Control", "max-age=3600", "Vary", "A", "Vary", "B"}, from: 1},
			{ask: []string{"A", "1", "B", "2"}, from: 2},
		}},
	})
}

// RFC 9110, section 13, from the store, and RFC 9111, section 4.3, to the
// origin.
func TestConditions(t *testing.T) {
	tag := func(value string) []string { return []string{"Cache-Control", "max-age=3600", "Etag", value} }
	ask := func(rule, have, want string, code int) scenario {
		return scenario{rule, []step{{give: tag(have), from: 1}, {ask: []string{"If-None-Match", want}, code: code, silent: true, have: []string{"Etag", have}}}}
	}
	modified := date(-3000)
	lm := []string{"Cache-Control", "max-age=3600", "Last-Modified", modified}
	stale := []string{"Cache-Control", "max-age=2", "Last-Modified", modified}
	runAll(t, []scenario{
		ask("strong", `"a"`, `"a"`, 304),
		ask("weak against strong", `"a"`, `W/"a"`, 304),
		ask("strong against weak", `W/"a"`, `"a"`, 304),
		ask("weak", `W/"a"`, `W/"a"`, 304),
		ask("first of a list", `"a"`, `"a", "b", "c"`, 304),
		ask("middle of a list", `"a"`, `"b", "a", "c"`, 304),
		ask("last of a list", `"a"`, `"b", "c", "a"`, 304),
		ask("star", `"a"`, `*`, 304),
		ask("none", `"a"`, `"b"`, 200),
		ask("without quotes", `"a"`, `a`, 200),
		ask("a comma within", `"a,b"`, `"a,b"`, 304),
		{"section 13.1.3: If-None-Match alone counts", []step{
			{give: append([]string{"Last-Modified", modified}, tag(`"a"`)...), from: 1},
			{ask: []string{"If-None-Match", `"a"`, "If-Modified-Since", date(-4000)}, code: 304},
			{ask: []string{"If-None-Match", `"b"`, "If-Modified-Since", modified}, code: 200},
		}},
		{"If-Modified-Since", []step{
			{give: lm, from: 1}, {ask: []string{"If-Modified-Since", modified}, code: 304, silent: true},
			{ask: []string{"If-Modified-Since", date(-2000)}, code: 304, silent: true}, {ask: []string{"If-Modified-Since", date(-4000)}, code: 200, silent: true},
		}},
		{"section 4.3.2: without Last-Modified, Date counts", []step{
			{give: []string{"Cache-Control", "max-age=3600", "Date", modified, "Age", "0"}, from: 1},
			{ask: []string{"If-Modified-Since", modified}, code: 304, silent: true}, {ask: []string{"If-Modified-Since", date(-2000)}, code: 304, silent: true},
			{ask: []string{"If-Modified-Since", date(-4000)}, code: 200, silent: true},
		}},
		{"section 4.3.1: Last-Modified asks", []step{
			{give: stale, from: 1},
			{after: 3 * time.Second, give: stale, ask: []string{"If-Modified-Since", modified}, asked: []string{"If-Modified-Since", modified}, code: 304},
			{text: "body 1", silent: true},
		}},
		{"section 4.3.1: a weak tag asks", []step{
			{give: []string{"Cache-Control", "max-age=2", "Etag", `W/"a"`}, from: 1},
			{after: 3 * time.Second, give: []string{"Etag", `W/"a"`}, asked: []string{"If-None-Match", `W/"a"`}, text: "body 1"},
		}},
		{"the client's tag is not the store's", []step{
			{give: []string{"Cache-Control", "max-age=2", "Etag", `"a"`}, from: 1},
			{after: 3 * time.Second, ask: []string{"If-None-Match", `"b"`}, give: []string{"Etag", `"b"`, "Cache-Control", "max-age=2"}, asked: []string{"If-None-Match", `"a"`}, code: 304},
			{from: 2, text: "body 2", silent: true},
		}},
		{"fields that select go along", []step{
			{ask: []string{"Foo", "1"}, give: []string{"Cache-Control", "max-age=2", "Etag", `"a"`, "Vary", "Foo"}, from: 1},
			{after: 3 * time.Second, ask: []string{"Foo", "1"}, give: []string{"Etag", `"a"`}, asked: []string{"If-None-Match", `"a"`, "Foo", "1"}},
		}},
		{"section 4.3.2: not stored, so the origin judges", []step{{ask: []string{"If-None-Match", `"a"`}, asked: []string{"If-None-Match", `"a"`}, from: 1}}},
		{"section 4.3.2: If-Match is for the origin", []step{
			{give: tag(`"a"`), from: 1}, {ask: []string{"If-Match", `"b"`}, status: 412, asked: []string{"If-Match", `"b"`}, from: 2},
			{ask: []string{"If-Unmodified-Since", modified}, asked: []string{"If-Unmodified-Since", modified}, from: 3},
		}},
	})
}

// RFC 9111, section 3.2: what a 304 changes.
func TestFreshening(t *testing.T) {
	const etag = `"a"`
	update := func(name, before, after, want string) scenario {
		give := func(value string) []string { return []string{"Cache-Control", "max-age=2", "Etag", etag, name, value} }
		return scenario{name, []step{
			{give: give(before), body: "01234", from: 1},
			{after: 3 * time.Second, give: give(after), code: 200, asked: []string{"If-None-Match", etag}, have: []string{name, want}, text: "01234"},
			{code: 200, silent: true, have: []string{name, want}, text: "01234"},
		}}
	}
	runAll(t, []scenario{
		update("X-Test", "1", "2", "2"),
		update("Content-Foo", "1", "2", "2"),
		update("Content-Location", "/foo", "/bar", "/bar"),
		update("Content-Security-Policy", "default-src 'self'", "default-src 'self' a.test", "default-src 'self' a.test"),
		update("Content-Encoding", "x-a", "x-b", "x-a"),
		update("Content-Md5", "x", "y", "x"),
		update("Expires", "Fri, 01 Jan 2038 01:01:01 GMT", "Mon, 11 Jan 2038 11:11:11 GMT", "Mon, 11 Jan 2038 11:11:11 GMT"),
		{"Cache-Control", []step{
			{give: []string{"Cache-Control", "max-age=2", "Etag", etag}, from: 1},
			{after: 3 * time.Second, give: []string{"Cache-Control", "max-age=3600", "Etag", etag}, have: []string{"Cache-Control", "max-age=3600"}, text: "body 1"},
			{after: 30 * time.Minute, silent: true, have: []string{"Cache-Control", "max-age=3600"}, text: "body 1"},
		}},
		{"omitted fields stay", []step{
			{give: []string{"Cache-Control", "max-age=2", "Etag", etag, "X-Test", "1"}, from: 1},
			{after: 3 * time.Second, give: []string{"Etag", etag}, have: []string{"X-Test", "1", "Cache-Control", "max-age=2"}, text: "body 1"},
			{silent: true, have: []string{"X-Test", "1"}, text: "body 1"},
		}},
		{"no-store ends it", []step{
			{give: []string{"Cache-Control", "max-age=2", "Etag", etag}, from: 1},
			{after: 3 * time.Second, give: []string{"Cache-Control", "no-store", "Etag", etag}, text: "body 1"},
			{from: 3},
		}},
		{"so does a cookie", []step{
			{give: []string{"Cache-Control", "max-age=2", "Etag", etag}, from: 1},
			{after: 3 * time.Second, give: []string{"Cache-Control", "max-age=2", "Etag", etag, "Set-Cookie", "a=b"}, text: "body 1"},
			{from: 3},
		}},
	})
}

// RFC 9111, section 3.1.
func TestStoredFields(t *testing.T) {
	var list []scenario
	for _, name := range []string{"Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Connection", "Te", "Upgrade"} {
		list = append(list, scenario{name, []step{{give: []string{"Cache-Control", "max-age=3600", name, "x"}, from: 1}, {from: 1, lack: []string{name}}}})
	}
	for _, name := range []string{"X-Request-Id", "Retry-After", "Set-Cookie2", "Server", "Content-Encoding", "X-Frame-Options", "Public-Key-Pins", "Clear-Site-Data", "Content-Disposition", "Warning"} {
		list = append(list, scenario{name, []step{{give: []string{"Cache-Control", "max-age=3600", name, "x"}, from: 1, have: []string{name, "x"}}, {from: 1, have: []string{name, "x"}}}})
	}
	list = append(list, scenario{"named by Connection", []step{
		{give: []string{"Cache-Control", "max-age=3600", "Connection", "a, B", "A", "1", "B", "2", "C", "3"}, from: 1},
		{from: 1, have: []string{"C", "3"}, lack: []string{"A", "B"}},
	}}, scenario{"no Content-Type stays none", []step{
		{give: []string{"Cache-Control", "max-age=3600", "Content-Type", "absent"}, body: "<html>", from: 1, lack: []string{"Content-Type"}},
		{from: 1, lack: []string{"Content-Type"}},
	}})
	runAll(t, list)
}

// RFC 9111, section 4.4.
func TestInvalidation(t *testing.T) {
	give := []string{"Cache-Control", "max-age=3600"}
	var list []scenario
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, "M-SEARCH"} {
		list = append(list,
			scenario{method, []step{{give: give, from: 1}, {method: method, from: 2}, {give: give, from: 3}}},
			scenario{method + " that redirects", []step{{give: give, from: 1}, {method: method, status: 303, from: 2}, {from: 3}}},
			scenario{method + " that fails", []step{{give: give, from: 1}, {method: method, status: 500, from: 2}, {from: 1}}},
			scenario{method + " elsewhere", []step{{give: give, from: 1}, {method: method, path: "/other", from: 2}, {from: 1}}},
			scenario{method + " with Location", []step{{give: give, path: "/x", from: 1}, {method: method, give: []string{"Location", "/page/x"}, from: 2}, {path: "/x", from: 3}}},
			scenario{method + " with Content-Location", []step{{give: give, path: "/x", from: 1}, {method: method, give: []string{"Content-Location", "page/x"}, from: 2}, {path: "/x", from: 3}}},
			scenario{method + " with another's Location", []step{{give: give, path: "/x", from: 1}, {method: method, give: []string{"Location", "http://evil.test/page/x"}, from: 2}, {path: "/x", from: 1}}},
		)
	}
	for _, method := range []string{http.MethodOptions, http.MethodTrace, http.MethodHead} {
		list = append(list, scenario{method + " is safe", []step{{give: give, from: 1}, {method: method}, {from: 1, silent: true}}})
	}
	runAll(t, list)
}

// RFC 9110, section 9.3.3.
func TestPostForGet(t *testing.T) {
	const fresh = "max-age=3600"
	runAll(t, []scenario{
		{"with its own Content-Location", []step{{method: "POST", give: []string{"Cache-Control", fresh, "Content-Location", "/page"}, from: 1}, {from: 1, silent: true, text: "body 1"}}},
		{"replaces what was there", []step{{give: []string{"Cache-Control", fresh}, from: 1}, {method: "POST", give: []string{"Cache-Control", fresh, "Content-Location", "page"}, from: 2}, {from: 2, silent: true, text: "body 2"}}},
		{"with another's", []step{{method: "POST", give: []string{"Cache-Control", fresh, "Content-Location", "/other"}, from: 1}, {from: 2}}},
		{"without", []step{{method: "POST", give: []string{"Cache-Control", fresh}, from: 1}, {from: 2}}},
		{"without freshness", []step{{method: "POST", give: []string{"Content-Location", "/page", "Last-Modified", date(-100000)}, from: 1}, {from: 2}}},
		{"with a cookie", []step{{method: "POST", give: []string{"Cache-Control", fresh, "Content-Location", "/page", "Set-Cookie", "a=b"}, from: 1}, {from: 2}}},
		{"that failed", []step{{method: "POST", status: 500, give: []string{"Cache-Control", fresh, "Content-Location", "/page"}, from: 1}, {from: 2}}},
	})
}

// RFC 9110, section 14.
func TestRanges(t *testing.T) {
	give := []string{"Cache-Control", "max-age=3600", "Etag", `"a"`, "A", "1"}
	part := func(ranges, text string, code int, more ...string) scenario {
		return scenario{ranges + fmt.Sprint(more), []step{
			{give: give, body: "0123456789A", from: 1},
			{ask: append([]string{"Range", ranges}, more...), code: code, silent: true, text: text},
		}}
	}
	runAll(t, []scenario{
		part("bytes=0-1", "01", 206), part("bytes=1-", "123456789A", 206), part("bytes=-1", "A", 206), part("bytes=5-99", "56789A", 206),
		part("bytes=99-", "", 416), part("lines=1-2", "0123456789A", 200), part("Bytes=0-1", "01", 206), part("bytes=0-1", "01", 206, "If-Range", `"a"`), part("bytes=0-1", "0123456789A", 200, "If-Range", `"b"`),
		part("bytes=0-1", "0123456789A", 200, "If-Range", `W/"a"`), part("bytes=0-1", "", 304, "If-None-Match", `"a"`),
		{"stored fields", []step{{give: give, body: "0123456789A", from: 1}, {ask: []string{"Range", "bytes=0-1"}, code: 206, have: []string{"A", "1", "Content-Range", "bytes 0-1/11", "Content-Length", "2"}}}},
		{"too many", []step{{give: give, body: "0123456789A", from: 1}, {ask: []string{"Range", "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,0-0,1-1,2-2,3-3,4-4,5-5,6-6"}, text: "0123456789A"}}},
		{"not stored: the origin cuts", []step{{ask: []string{"Range", "bytes=0-1"}, status: 206, body: "01", asked: []string{"Range", "bytes=0-1"}, from: 1}}},
	})
}

// RFC 9111, section 4.3.5, and HEAD from GET.
func TestHead(t *testing.T) {
	runAll(t, []scenario{
		{"answered from GET", []step{{give: []string{"Cache-Control", "max-age=3600"}, from: 1}, {method: "HEAD", from: 1, silent: true, have: []string{"Content-Length", "6"}}}},
		{"makes nothing", []step{{method: "HEAD", give: []string{"Cache-Control", "max-age=3600"}, from: 1}, {from: 2, text: "body 2"}}},
		{"updates", []step{
			{give: []string{"Cache-Control", "max-age=2", "X-A", "1"}, from: 1}, {after: 3 * time.Second, method: "HEAD", give: []string{"Cache-Control", "max-age=1000", "X-A", "2"}, from: 2},
			{silent: true, have: []string{"X-A", "2"}, text: "body 1"},
		}},
		{"shows that it changed", []step{
			{give: []string{"Cache-Control", "max-age=2", "Etag", `"a"`}, from: 1}, {after: 3 * time.Second, method: "HEAD", give: []string{"Cache-Control", "max-age=1000", "Etag", `"b"`}, from: 2},
			{from: 3, text: "body 3"},
		}},
	})
}

// RFC 5861.
func TestStaleWhileRevalidate(t *testing.T) {
	t.Parallel()
	s := newSite(t, numbered("Cache-Control", "max-age=1, stale-while-revalidate=60"))
	s.get("/")
	s.ahead.Add(int64(3 * time.Second))
	if a := s.get("/"); a.text != "1" || !hit(a) {
		t.Fatalf("the stale answer was not served: %q %v", a.text, a.Header)
	}
	for deadline := time.Now().Add(5 * time.Second); ; {
		if a := s.get("/"); a.text == "2" {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("not refreshed: %q %v", a.text, a.Header)
		}
	}
	s.ahead.Add(int64(2 * time.Minute))
	if a := s.get("/"); hit(a) {
		t.Fatalf("served stale beyond the window: %v", a.Header)
	}
}
