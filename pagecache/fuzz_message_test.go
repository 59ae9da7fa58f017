package pagecache

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http/httpguts"
)

// One key, then the handler sees the same in every field that Vary names, up to
// what the field's own syntax allows to change.
func FuzzVary(f *testing.F) {
	f.Add("Accept-Language, X", "de, en;q=0.5", "en;q=0.5,de", "a", "a")
	f.Add("x,, X ,\tY", "", "", "a, b", "a,b")
	f.Add("*", "", "", "", "")
	f.Add("a b", "", "", "", "")
	f.Fuzz(func(t *testing.T, vary, language1, language2, x1, x2 string) {
		fields, star := varyFields(http.Header{"Vary": {vary}})
		for member := range strings.SplitSeq(vary, ",") {
			member = strings.TrimSpace(member)
			switch {
			case member == "":
			case !httpguts.ValidHeaderFieldName(member) || member == "*":
				if !star {
					t.Fatalf("%q: %q was overlooked", vary, member)
				}
			case !contains(fields, textproto.CanonicalMIMEHeaderKey(member)):
				t.Fatalf("%q: %q is missing in %q", vary, member, fields)
			}
		}
		a, b := http.Header{"X": {x1}, "Accept-Language": {language1}}, http.Header{"X": {x2}, "Accept-Language": {language2}}
		for _, strict := range []bool{false, true} {
			if variantText(fields, a, strict) != variantText(fields, b, strict) {
				continue
			}
			bare := strings.NewReplacer(" ", "", "\t", "")
			if contains(fields, "X") && x1 != x2 && !(strict && bare.Replace(x1) == bare.Replace(x2)) {
				t.Fatalf("%q and %q are one variant", x1, x2)
			}
			if contains(fields, "Accept-Language") && !sameLanguages(language1, language2, !strict) {
				t.Fatalf("%q and %q are one variant", language1, language2)
			}
		}
	})
}

// sameLanguages reports whether two lines ask for the same, in the same order if
// that counts.
func sameLanguages(a, b string, ordered bool) bool {
	x, readable := preferences([]string{a}, ordered)
	y, both := preferences([]string{b}, ordered)
	if readable && both {
		return x == y
	}
	bare := strings.NewReplacer(" ", "", "\t", "")
	return readable == both && (a == b || !ordered && bare.Replace(a) == bare.Replace(b))
}

func variantText(fields []string, h http.Header, strict bool) string {
	x := &exchange{r: &http.Request{Header: h}, route: &Route{strict: strict}}
	return stringsOf(x.variantKey(fields))
}

// emitted is what the cache sends of a stored body for the request fields.
func emitted(h http.Header, etag, modified string, text []byte) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	x := &exchange{w: w, r: &http.Request{Method: http.MethodGet, Header: h}, route: &Route{}}
	e := (&entry{status: 200, header: http.Header{"Content-Type": {"text/plain"}, "Etag": {etag}, "Last-Modified": {modified}}, body: text}).complete()
	for _, l := range e.lines {
		w.Header()[l.name] = l.values
	}
	x.emit(w.Header(), sendable{status: 200, etag: e.etag, lastModified: e.lmText, modified: e.lastMod, body: text, length: e.length, stored: true})
	return w
}

// served is what net/http makes of the same.
func served(h http.Header, etag, modified string, text []byte) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Etag", etag)
	at, _ := http.ParseTime(modified)
	http.ServeContent(w, &http.Request{Method: http.MethodGet, Header: h}, "", at, bytes.NewReader(text))
	return w
}

const fuzzModified = "Mon, 02 Jan 2006 15:04:05 GMT"

// Ranges and conditions mean what they mean to net/http.
func FuzzRange(f *testing.F) {
	for _, r := range []string{"bytes=0-1", "bytes=-3", "bytes=5-", "bytes=0-0,2-3", "bytes=9-1", "bytes=,", "bytes=100-", "lines=1-2", "bytes=0-99999999999999999999", "bytes= 1 - 2", "Bytes=1-2"} {
		f.Add(r, `"a"`)
		f.Add(r, fuzzModified)
	}
	text := []byte("0123456789abcdef")
	f.Fuzz(func(t *testing.T, ranges, ifRange string) {
		if ranges == "" || strings.Count(ranges, ",") >= maxRanges || !strings.HasPrefix(ranges, "bytes=") {
			if ranges != "" && emitted(http.Header{"Range": {ranges}}, `"a"`, fuzzModified, text).Code == 0 {
				t.Fatal("no status")
			}
			return
		}
		h := http.Header{"Range": {ranges}}
		if ifRange != "" {
			h["If-Range"] = []string{ifRange}
		}
		got, want := emitted(h, `"a"`, fuzzModified, text), served(h, `"a"`, fuzzModified, text)
		same := got.Code == want.Code && got.Header().Get("Content-Range") == want.Header().Get("Content-Range")
		if multipart := strings.HasPrefix(want.Header().Get("Content-Type"), "multipart/"); !multipart && got.Body.String() != want.Body.String() {
			same = false
		}
		if !same {
			t.Fatalf("Range: %q, If-Range: %q: %d %v %q, net/http %d %v %q", ranges, ifRange, got.Code, got.Header(), got.Body, want.Code, want.Header(), want.Body)
		}
	})
}

func FuzzConditions(f *testing.F) {
	f.Add("If-None-Match", `"a"`, `"a"`)
	f.Add("If-None-Match", `W/"a", "b"`, `"b"`)
	f.Add("If-Match", `*`, `W/"b"`)
	f.Add("If-Match", `"a" , W/"a"`, `W/"a"`)
	f.Add("If-Modified-Since", fuzzModified, `"a"`)
	f.Add("If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:04 GMT", `"a"`)
	f.Fuzz(func(t *testing.T, name, value, etag string) {
		switch name {
		case "If-None-Match", "If-Match", "If-Modified-Since", "If-Unmodified-Since":
		default:
			return
		}
		if !soundTag(etag) || !httpguts.ValidHeaderFieldValue(value) || value == "" {
			return
		}
		if _, err := http.ParseTime(value); strings.HasSuffix(name, "-Since") {
			if _, ok := httpDate(value); ok != (err == nil) {
				return // FuzzDates says when that may be
			}
		}
		h := http.Header{name: {value}}
		got, want := emitted(h, etag, fuzzModified, []byte("x")).Code, served(h, etag, fuzzModified, []byte("x")).Code
		if got == want {
			return
		}
		// Where the list is malformed, the cautious answer is right too: the
		// whole, or 412 for what was to change only a certain state.
		if cautious := map[string]int{"If-None-Match": 200, "If-Match": 412}[name]; got == cautious && !soundList(value) {
			return
		}
		t.Fatalf("%s: %q for %s: %d, net/http %d", name, value, etag, got, want)
	})
}

func soundTag(tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return false
	}
	for i := 1; i < len(tag)-1; i++ {
		if c := tag[i]; c != 0x21 && (c < 0x23 || c > 0x7e) {
			return false
		}
	}
	return true
}

// soundList reports a list of entity tags as RFC 9110 writes it.
func soundList(list string) bool {
	if list == "*" {
		return true
	}
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.Trim(part, " \t"); part != "" && !soundTag(part) {
			return false
		}
	}
	return true
}

// Whatever the one-and-only forms of package time can write is read, in any case,
// and whatever is read is what http.ParseTime makes of it.
func FuzzDates(f *testing.F) {
	for _, s := range []string{
		fuzzModified, "Monday, 02-Jan-06 15:04:05 GMT", "Mon Jan  2 15:04:05 2006", "Mon Jan 12 15:04:05 2006", "mon, 02 JAN 2006 15:04:05 gMT", "Tue, 29 Feb 2000 00:00:00 GMT",
		"Mon, 02 Jan 2006 5:04:05 GMT", "Mon, 02  Jan  2006 15:04:05 GMT", "Mon, 2 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:04:05 UTC", "Mon, 30 Feb 2006 15:04:05 GMT", "Mon, 31 Dec 2016 23:59:60 GMT", "Mon, 02-Jan-2006 15:04:05 GMT", "Mon Jan 02 15:04:05 2006", "Monday, 02-Jan-69 15:04:05 GMT", "Monday, 02-Jan-68 15:04:05 GMT", "0", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := httpDate(s)
		upper := strings.ToUpper(s)
		want, err := http.ParseTime(upper)
		if ok && (err != nil || !got.Equal(want)) && !strings.Contains(s, ":60") {
			t.Fatalf("%q is read as %v, net/http %v %v", s, got, want, err)
		}
		if err != nil || ok {
			return
		}
		_, clock, _ := strings.Cut(upper, " ") // any day of the week will do
		for _, layout := range []string{http.TimeFormat, strings.Replace(time.RFC850, "MST", "GMT", 1), time.ANSIC} {
			_, written, _ := strings.Cut(strings.ToUpper(want.Format(layout)), " ")
			if clock == written && len(s) == len(upper) {
				t.Fatalf("%q is not read, net/http %v", s, want)
			}
		}
	})
}

// No date and no number makes an age or a life that is negative, beyond the
// bound, or longer than what the fields say.
func FuzzAges(f *testing.F) {
	f.Add("60", fuzzModified, "Mon, 02 Jan 2006 16:04:05 GMT", "max-age=5", int64(1136214245))
	f.Add("-1", "Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 0000 00:00:00 GMT", "s-maxage=99999999999999999999", int64(1<<40))
	f.Add("0, 1", "", "0", "", int64(-1<<40))
	f.Fuzz(func(t *testing.T, age, date, expires, control string, now int64) {
		arrived := time.Unix(now%(1<<40), 0)
		h := http.Header{"Age": {age}, "Date": {date}, "Expires": {expires}, "Cache-Control": {control}}
		got := initialAge(h, arrived, arrived)
		if got < 0 || got > maxDelta {
			t.Fatalf("age %v of %v", got, h)
		}
		for _, strict := range []bool{false, true} {
			c := controlOf(h, arrived, strict)
			if c.life < 0 || c.life > maxDelta {
				t.Fatalf("life %v of %v", c.life, h)
			}
			if (c.maxAge >= 0 || c.sMaxAge >= 0) && c.life > max(c.maxAge, c.sMaxAge) {
				t.Fatalf("life %v of %v", c.life, h)
			}
		}
		e := &entry{born: arrived.Add(-got)}
		for _, at := range []time.Time{arrived, arrived.Add(time.Hour), time.Unix(0, 0), time.Unix(1<<40, 0)} {
			if a := ageOf(e, at); a < 0 || a > maxDelta {
				t.Fatalf("age %v at %v of %v", a, at, e.born)
			}
		}
	})
}

// What is replayed can be sent as it is, and has no field of one connection.
func FuzzStoredHeaders(f *testing.F) {
	f.Add("X-A", "1", "close, x-a")
	f.Add("transfer-encoding", "chunked", "")
	f.Add("Set-Cookie", "a=b", "")
	f.Add("a\r\nb", "c\nd", ",,")
	f.Fuzz(func(t *testing.T, name, value, connection string) {
		h := http.Header{name: {value}, "Connection": {connection}, "X-Kept": {"1"}}
		if !soundHeader(h) {
			return
		}
		for _, strict := range []bool{false, true} {
			for kept, values := range replayable(nil, h, "", strict) {
				if hopByHop(kept) || kept != http.CanonicalHeaderKey(kept) {
					t.Fatalf("%q is kept", kept)
				}
				for named := range strings.SplitSeq(connection, ",") {
					if strings.EqualFold(strings.TrimSpace(named), kept) {
						t.Fatalf("%q is kept although Connection is %q", kept, connection)
					}
				}
				if !httpguts.ValidHeaderFieldName(kept) || !httpguts.ValidHeaderFieldValue(values[0]) {
					t.Fatalf("%q: %q is kept", kept, values)
				}
			}
		}
	})
}

// Two requests have one key only if they name the same scheme, host, path and
// query.
func FuzzKey(f *testing.F) {
	f.Add("a.test", "/x", "a=1", "A.TEST:80", "/x", "a=1")
	f.Add("a.test", "/x", "", "a.test", "/x%3f", "")
	f.Add("a.test", "/x?", "y", "a.test", "/x", "?y")
	p := &Pages{}
	f.Fuzz(func(t *testing.T, host1, path1, query1, host2, path2, query2 string) {
		for _, strict := range []bool{false, true} {
			route := &Route{strict: strict}
			one, ok1 := request(host1, path1, query1)
			two, ok2 := request(host2, path2, query2)
			if !ok1 || !ok2 || oddPath(one) || oddPath(two) || oddQuery(query1, strict) || oddQuery(query2, strict) {
				return
			}
			a, b := p.target(one, route), p.target(two, route)
			if stringsOf(p.baseKey(one, route, a)) != stringsOf(p.baseKey(two, route, b)) {
				continue
			}
			if hostOf(host1, "http") != hostOf(host2, "http") || one.URL.EscapedPath() != two.URL.EscapedPath() {
				t.Fatalf("%s%s and %s%s have one key", host1, path1, host2, path2)
			}
			if strict && query1 != query2 {
				t.Fatalf("%q and %q have one key", query1, query2)
			}
		}
	})
}

func request(host, path, query string) (*http.Request, bool) {
	u, err := url.ParseRequestURI(path)
	if err != nil || u.RawQuery != "" || u.Host != "" || !httpguts.ValidHostHeader(host) || strings.ContainsAny(host, "/?#") {
		return nil, false
	}
	u.RawQuery = query
	return &http.Request{Method: http.MethodGet, Host: host, URL: u, Header: http.Header{}}, true
}

// A targeted field forbids at least what a reader sees in it who knows nothing of
// structured fields.
func FuzzTargeted(f *testing.F) {
	for _, s := range []string{"max-age=60", "no-store", "max-age=60, &&", "No-Store", "private;a=b", `max-age="60"`, "no-store=?0", "max-age=60.5"} {
		f.Add(s)
	}
	now := time.Unix(1136214245, 0)
	f.Fuzz(func(t *testing.T, line string) {
		noStore, private, noCache := strictDirectives(line)
		for _, strict := range []bool{false, true} {
			c := controlOf(http.Header{"Cdn-Cache-Control": {line}, "Cache-Control": {"max-age=60"}}, now, strict)
			if noStore && !c.noStore || private && !c.private || noCache && !c.noCache {
				t.Fatalf("%q: %+v", line, c)
			}
			if c.life < 0 || c.life > maxDelta {
				t.Fatalf("%q: life %v", line, c.life)
			}
		}
	})
}
