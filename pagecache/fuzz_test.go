package pagecache

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache/live"
)

// strictDirectives is the reference: it splits at every comma and sees a
// directive wherever its name stands, within quotes too. The parser may be
// stricter or equal, never more permissive, than one that understands quotes;
// so whatever this one forbids outside of quotes has to be forbidden.
func strictDirectives(line string) (noStore, private, noCache bool) {
	if strings.ContainsAny(line, `"\`) {
		return // quotes change what a comma means; the table tests cover them
	}
	for part := range strings.SplitSeq(line, ",") {
		name, _, _ := strings.Cut(part, "=")
		switch strings.ToLower(strings.Trim(name, " \t")) {
		case "no-store":
			noStore = true
		case "private":
			private = true
		case "no-cache":
			noCache = true
		}
	}
	return
}

func FuzzCacheControl(f *testing.F) {
	for _, s := range []string{"max-age=60", "no-store", `private="a,b", max-age=1`, "max-age=1,max-age=2", "s-maxage=99999999999999999999", `x="\", no-store`, "a b no-store", "=,no-store"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		d := parseDirectives([]string{line})
		noStore, private, noCache := strictDirectives(line)
		if (noStore && !d.noStore) || (private && !d.private) || (noCache && !d.noCache) {
			t.Fatalf("%q: %+v is more permissive than the reference", line, d)
		}
		for _, age := range []time.Duration{d.maxAge, d.sMaxAge} {
			if age < -1 || age > maxDelta {
				t.Fatalf("%q: age %v", line, age)
			}
		}
	})
}

func TestDirectives(t *testing.T) {
	t.Parallel()
	with := func(edit func(*directives)) directives {
		d := silent
		edit(&d)
		return d
	}
	tests := map[string]directives{
		"":                                   silent,
		"MAX-AGE=5":                          with(func(d *directives) { d.maxAge = 5 * time.Second }),
		`max-age="5"`:                        with(func(d *directives) { d.maxAge = 5 * time.Second }),
		"max-age = 5":                        with(func(d *directives) { d.maxAge = 5 * time.Second }),
		"max-age=5, max-age=3":               with(func(d *directives) { d.maxAge = 3 * time.Second }),
		"max-age=-1":                         with(func(d *directives) { d.maxAge = 0 }),
		"max-age=1.5":                        with(func(d *directives) { d.maxAge = 0 }),
		"max-age":                            with(func(d *directives) { d.maxAge = 0 }),
		"max-age=99999999999999999999999999": with(func(d *directives) { d.maxAge = maxDelta }),
		`x="a, no-store", public`:            with(func(d *directives) { d.public = true }),
		`private="set-cookie", s-maxage=1`:   with(func(d *directives) { d.private = true; d.sMaxAge = time.Second }),
		"no-store no-cache":                  with(func(d *directives) { d.noStore = true; d.noCache = true }),
		"proxy-revalidate":                   with(func(d *directives) { d.proxyRevalidate = true }),
		`x="unclosed, no-store`:              with(func(d *directives) { d.noStore = true }),
		`max-age="60`:                        with(func(d *directives) { d.maxAge = 0 }),
		"public; private":                    with(func(d *directives) { d.private = true }),
		"'no-cache'":                         with(func(d *directives) { d.noCache = true }),
		"no-storeys, unprivate":              silent,
		`no-cache="a, b"`:                    with(func(d *directives) { d.noCacheFields = "a,b," }),
		`no-cache=a`:                         with(func(d *directives) { d.noCache = true }),
		`no-cache=""`:                        with(func(d *directives) { d.noCache = true }),
		`no-cache="a b"`:                     with(func(d *directives) { d.noCache = true }),
		"max-stale":                          with(func(d *directives) { d.maxStale = maxDelta }),
		"max-stale=3, max-stale":             with(func(d *directives) { d.maxStale = 3 * time.Second }),
		"min-fresh=3, min-fresh=5":           with(func(d *directives) { d.minFresh = 5 * time.Second }),
		"stale-if-error=1, stale-while-revalidate=2": with(func(d *directives) { d.ifError = time.Second; d.whileRevalidate = 2 * time.Second }),
	}
	for line, want := range tests {
		if got := parseDirectives([]string{line}); got != want {
			t.Errorf("%q:\n got %+v\nwant %+v", line, got, want)
		}
	}
}

// What the handler sees is what the key says: two queries with one key give the
// handler the same values in the same order for every name.
func FuzzQuery(f *testing.F) {
	f.Add("a=1&b=2", "b=2&a=1")
	f.Add("a=1&a=2", "a=2&a=1")
	f.Add("utm_source=x&a=%41", "a=%41&gclid=1")
	f.Add("a&a=&=a", "&&a")
	route := &Route{ignoreQuery: DefaultIgnoreQuery}
	f.Fuzz(func(t *testing.T, x, y string) {
		if oddQuery(x, false) || oddQuery(y, false) {
			return
		}
		queryX, queryY := splitQuery(x, route), splitQuery(y, route)
		seenX, keyX, seenY, keyY := queryX.seen, queryX.key, queryY.seen, queryY.key
		valuesX, errX := url.ParseQuery(seenX)
		valuesY, errY := url.ParseQuery(seenY)
		if errX != nil || errY != nil {
			t.Fatalf("the handler's parser fails on %q or %q, which were let through: %v %v", seenX, seenY, errX, errY)
		}
		if keyX == keyY && !reflect.DeepEqual(valuesX, valuesY) {
			t.Fatalf("%q and %q share the key %q, but the handler sees %v and %v", x, y, keyX, valuesX, valuesY)
		}
		for name := range valuesX {
			if route.ignores(name) {
				t.Fatalf("%q: the handler sees the ignored %q", x, name)
			}
		}
	})
}

func FuzzPreferences(f *testing.F) {
	f.Add("de, en;q=0.5", "en;q=0.5,de")
	f.Add("gzip;q=0, br", "br")
	f.Add("a;q=x", "a;q=0")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, readable := preferences([]string{a}, true)
		y, both := preferences([]string{b}, true)
		if !readable || !both || x != y {
			return
		}
		// One key: then every name has the same best quality in both.
		if x, y := qualities(a), qualities(b); !reflect.DeepEqual(x, y) {
			t.Fatalf("%q and %q are one key, but mean %v and %v", a, b, x, y)
		}
	})
}

func qualities(line string) map[string][]int {
	m := map[string][]int{}
	for part := range strings.SplitSeq(line, ",") {
		name, params, _ := strings.Cut(part, ";")
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			m[name] = append(m[name], quality(params))
		}
	}
	for name := range m {
		slices.Sort(m[name])
		m[name] = slices.Compact(m[name])
	}
	return m
}

func FuzzDecodeEntry(f *testing.F) {
	e := (&entry{status: 200, header: http.Header{"Content-Type": {"text/html"}, "Etag": {`"x"`}}, body: []byte("hello"), born: time.UnixMilli(1700000000000), lifespan: lifespan{life: time.Minute}}).complete()
	page, err := encodeEntry(e)
	if err != nil {
		f.Fatal(err)
	}
	index, err := encodeEntry(&entry{fields: []string{"Accept-Language"}, variants: []string{"a", "b"}})
	if err != nil {
		f.Fatal(err)
	}
	both, err := encodeEntry(e.with([]byte("coded"), Gzip))
	if err != nil {
		f.Fatal(err)
	}
	coded, err := encodeEntry((&entry{status: 200, header: http.Header{}, body: []byte(strings.Repeat("a", 100)), lifespan: lifespan{life: time.Minute}}).with([]byte("short"), Brotli))
	if err != nil {
		f.Fatal(err)
	}
	holed, err := encodeEntry(&entry{status: 200, header: http.Header{"Content-Type": {"text/html"}}, body: []byte("<p></p>"), lifespan: lifespan{life: time.Minute}, live: &liveParts{
		holes:  []live.Hole{{At: 3, Name: "username", Kind: live.HTML}, {At: 7, Name: "nonce", Kind: live.Token}},
		fields: []live.Field{{Name: "Content-Security-Policy", Text: live.Text{Bytes: []byte("script-src 'nonce-'"), Holes: []live.Hole{{At: 18, Name: "nonce", Kind: live.Token}}}}},
	}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(page)
	f.Add(holed)
	f.Add(index)
	f.Add(both)
	f.Add(coded)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decodeEntry(b)
		if err != nil {
			return
		}
		if !soundHeader(e.header) || (!e.isIndex() && (e.status < 200 || e.status > 599)) {
			t.Fatalf("an unsound entry was taken: %+v", e)
		}
		if e.live != nil {
			set, _ := live.New(live.Config{})
			checkHoles(t, set, live.Text{Bytes: e.body, Holes: e.live.holes})
			for _, field := range e.live.fields {
				checkHoles(t, set, field.Text)
			}
		}
		again, err := encodeEntry(e)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeEntry(again); err != nil || back.etag != e.etag || string(back.body) != string(e.body) {
			t.Fatalf("does not survive encoding: %v", err)
		}
	})
}

// checkHoles fills a text, which must be possible without a panic: here with the
// error that nobody has registered the holes.
func checkHoles(t *testing.T, set *live.Set, text live.Text) {
	t.Helper()
	for i, h := range text.Holes {
		if h.At < 0 || h.At > len(text.Bytes) || i > 0 && h.At < text.Holes[i-1].At {
			t.Fatalf("hole %d of %d bytes: %+v", i, len(text.Bytes), text.Holes)
		}
	}
	if _, err := set.Fill(t.Context(), nil, text); (err == nil) != (len(text.Holes) == 0) {
		t.Fatalf("holes that nobody knows: %v", err)
	}
}

func TestEntryRoundTrip(t *testing.T) {
	t.Parallel()
	e := (&entry{status: 404, header: http.Header{"Vary": {"A", "B"}, "Last-Modified": {"Mon, 02 Jan 2006 15:04:05 GMT"}}, body: []byte("b"), born: time.UnixMilli(1700000000123), lifespan: lifespan{life: 90 * time.Second, keep: time.Hour, shared: true, noStale: true}, render: time.Millisecond}).complete()
	b, err := encodeEntry(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeEntry(b)
	if err != nil || !reflect.DeepEqual(got.header, e.header) || got.life != e.life || !got.born.Equal(e.born) || got.render != e.render || !got.shared || !got.lastMod.Equal(e.lastMod) || got.length[0] != "1" {
		t.Fatalf("%v\n got %+v\nwant %+v", err, got, e)
	}
	for n := range b {
		if short, err := decodeEntry(b[:n]); err == nil && n < len(b)-len(e.body) {
			t.Fatalf("cut after %d of %d bytes: %+v", n, len(b), short)
		}
	}
}

func FuzzListsTag(f *testing.F) {
	f.Add(`"a", W/"b"`, `"b"`)
	f.Add(`*`, `"b"`)
	f.Add(`"a,b"`, `"b"`)
	f.Fuzz(func(t *testing.T, line, tag string) {
		etag := `"` + strings.NewReplacer(`"`, "", ",", "").Replace(tag) + `"`
		got := listsTag([]string{line}, etag, false)
		if got && !strings.Contains(line, etag) && !strings.Contains(line, "*") {
			t.Fatalf("%q is said to list %q", line, etag)
		}
	})
}
