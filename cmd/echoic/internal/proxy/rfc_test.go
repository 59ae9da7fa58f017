package proxy_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// step is one request of a scenario and what the origin would answer to it.
type step struct {
	after  time.Duration // before the request
	method string        // GET if empty
	path   string        // added to that of the scenario
	ask    []string      // request fields
	status int           // of the origin; 200 if 0
	give   []string      // the origin's fields
	body   string        // the origin's; its number if empty

	// What is expected.
	from   int      // the number of the origin's answer that is seen; 0 is not checked
	code   int      // the client's status; that of the origin if 0
	have   []string // response fields
	lack   []string // response fields that must not be there
	asked  []string // fields of the request that the origin saw
	silent bool     // the origin saw no request
	text   string   // the client's body
}

// scenario runs through the real proxy over sockets. The rule says what it
// tests.
type scenario struct {
	rule  string
	steps []step
}

// script is the origin of one scenario.
type script struct {
	mu    sync.Mutex
	steps []step
	now   int
	seen  []http.Header
	clock func() time.Time
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	st, number := s.steps[s.now], s.now+1
	s.seen = append(s.seen, r.Header)
	s.mu.Unlock()
	w.Header().Set("X-Number", strconv.Itoa(number))
	w.Header().Set("Date", s.clock().UTC().Format(http.TimeFormat))
	if hasField(st.give, "Date") {
		w.Header().Del("Date")
	}
	for i := 0; i+1 < len(st.give); i += 2 {
		if st.give[i+1] == "absent" {
			w.Header()[http.CanonicalHeaderKey(st.give[i])] = nil
			continue
		}
		w.Header().Add(st.give[i], st.give[i+1])
	}
	status := st.status
	if status == 0 {
		status = http.StatusOK
	}
	if tag := w.Header().Get("Etag"); tag != "" && r.Header.Get("If-None-Match") == tag {
		status = http.StatusNotModified
	}
	if modified := w.Header().Get("Last-Modified"); modified != "" && r.Header.Get("If-None-Match") == "" && r.Header.Get("If-Modified-Since") == modified {
		status = http.StatusNotModified
	}
	w.WriteHeader(status)
	if status == http.StatusNotModified || status == http.StatusNoContent {
		return
	}
	body := st.body
	if body == "" {
		body = fmt.Sprint("body ", number)
	}
	_, _ = w.Write([]byte(body))
}

func hasField(pairs []string, name string) bool {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == name {
			return true
		}
	}
	return false
}

func run(t *testing.T, sc scenario) {
	origin := &script{steps: sc.steps}
	s := newSite(t, origin.ServeHTTP)
	origin.clock = s.now
	for i, st := range sc.steps {
		s.ahead.Add(int64(st.after))
		origin.mu.Lock()
		origin.now, origin.seen = i, nil
		origin.mu.Unlock()
		method := st.method
		if method == "" {
			method = http.MethodGet
		}
		a := s.do(method, "/page"+st.path, fields(st.ask...), nil)
		origin.mu.Lock()
		seen := origin.seen
		origin.mu.Unlock()
		check(t, i+1, st, a, seen)
	}
}

func check(t *testing.T, n int, st step, a answer, seen []http.Header) {
	t.Helper()
	wrong := func(format string, args ...any) {
		t.Helper()
		t.Errorf("step %d: %s\n%d %v\n%s", n, fmt.Sprintf(format, args...), a.StatusCode, a.Header, a.text)
	}
	if got := a.Header.Get("X-Number"); st.from != 0 && got != strconv.Itoa(st.from) {
		wrong("answer %s of the origin, want %d", got, st.from)
	}
	code := st.code
	if code == 0 {
		code = max(st.status, http.StatusOK)
	}
	if a.StatusCode != code {
		wrong("status %d, want %d", a.StatusCode, code)
	}
	for i := 0; i+1 < len(st.have); i += 2 {
		if got := strings.Join(a.Header.Values(st.have[i]), "|"); got != st.have[i+1] {
			wrong("%s is %q, want %q", st.have[i], got, st.have[i+1])
		}
	}
	for _, name := range st.lack {
		if a.Header.Values(name) != nil {
			wrong("%s is there", name)
		}
	}
	if st.silent != (len(seen) == 0) && (st.silent || st.from == n) {
		wrong("the origin saw %d requests", len(seen))
	}
	if len(seen) > 1 {
		wrong("the origin saw the request %d times", len(seen))
	}
	for i := 0; i+1 < len(st.asked); i += 2 {
		if len(seen) == 0 || seen[0].Get(st.asked[i]) != st.asked[i+1] {
			wrong("the origin did not see %s: %s but %v", st.asked[i], st.asked[i+1], seen)
		}
	}
	if st.text != "" && a.text != st.text {
		wrong("body %q, want %q", a.text, st.text)
	}
}

// stored is a scenario of two requests the second of which is answered from the
// store, or is not.
func stored(rule string, reused bool, give ...string) scenario {
	from := 2
	if reused {
		from = 1
	}
	return scenario{rule, []step{{give: give, from: 1}, {after: 3 * time.Second, give: give, from: from, silent: reused}}}
}

func runAll(t *testing.T, list []scenario) {
	t.Helper()
	t.Parallel()
	for _, sc := range list {
		t.Run(sc.rule, func(t *testing.T) {
			t.Parallel()
			run(t, sc)
		})
	}
}

// RFC 9111, section 4.2.1: calculating freshness lifetime.
func TestFreshness(t *testing.T) {
	runAll(t, []scenario{
		stored("nothing said", false),
		stored("max-age", true, "Cache-Control", "max-age=3600"),
		stored("max-age over", false, "Cache-Control", "max-age=2"),
		stored("max-age=0", false, "Cache-Control", "max-age=0"),
		stored("max-age of 31 bits", true, "Cache-Control", "max-age=2147483647"),
		stored("max-age of 32 bits", true, "Cache-Control", "max-age=2147483648"),
		stored("max-age of many digits", true, "Cache-Control", "max-age=99999999999999999999999"),
		stored("max-age with zeros", true, "Cache-Control", "max-age=003600"),
		stored("max-age in mixed case", true, "Cache-Control", "MaX-aGe=3600"),
		stored("max-age with an extension", true, "Cache-Control", "foobar, max-age=3600"),
		stored("max-age below zero", false, "Cache-Control", "max-age=-3600"),
		stored("max-age in single quotes", false, "Cache-Control", "max-age='3600'"),
		stored("max-age in an extension", false, "Cache-Control", `extension="max-age=3600", max-age=1`),
		stored("max-age before an extension", false, "Cache-Control", `max-age=1, extension="max-age=3600"`),
		stored("two of max-age, stale and fresh", false, "Cache-Control", "max-age=1, max-age=1800"),
		stored("two of max-age, fresh and stale", false, "Cache-Control", "max-age=1800, max-age=1"),
		stored("two lines of max-age", false, "Cache-Control", "max-age=1800", "Cache-Control", "max-age=1"),
		stored("s-maxage", true, "Cache-Control", "s-maxage=3600"),
		stored("s-maxage before a longer max-age", false, "Cache-Control", "max-age=3600, s-maxage=1"),
		stored("s-maxage in another line", false, "Cache-Control", "max-age=3600", "Cache-Control", "s-maxage=1"),
		stored("s-maxage before a shorter max-age", true, "Cache-Control", "max-age=1, s-maxage=3600"),
		stored("s-maxage before Expires", true, "Cache-Control", "max-age=0, s-maxage=3600", "Expires", date(-10)),
		stored("max-age before Expires", true, "Cache-Control", "max-age=3600", "Expires", date(-7200)),
		stored("max-age before a bad Expires", true, "Cache-Control", "max-age=3600", "Expires", "0"),
		stored("max-age=0 before Expires", false, "Cache-Control", "max-age=0", "Expires", date(3600)),
		stored("Expires in the future", true, "Expires", date(3600)),
		stored("Expires in the past", false, "Expires", date(-3600)),
		stored("Expires now", false, "Expires", date(0)),
		stored("Expires before Date, both ahead", false, "Expires", date(300), "Date", date(400)),
		stored("Expires of zero", false, "Expires", "0"),
		stored("Expires twice", false, "Expires", date(3600), "Expires", date(3600)),
		stored("Expires with a bad Date", true, "Expires", date(3600), "Date", "foo"),
		stored("Expires in the form of RFC 850", true, "Expires", time.Now().Add(time.Hour).UTC().Format("Monday, 02-Jan-06 15:04:05 GMT")),
		stored("Expires in the form of asctime", true, "Expires", time.Now().Add(time.Hour).UTC().Format(time.ANSIC)),
		stored("section 4.2: the zone in lower case", true, "Expires", strings.ToLower(date(3600))),
		stored("section 4.2: the zone in mixed case", true, "Expires", strings.Replace(date(3600), "GMT", "gMt", 1)),
		stored("section 4.2: UTC is no zone of a date", false, "Expires", strings.Replace(date(3600), "GMT", "UTC", 1)),
		stored("section 5.3: an hour of one digit", false, "Expires", "Thu, 18 Aug 2050 2:01:18 GMT"),
		stored("section 5.3: a day of one digit", false, "Expires", "Thu, 8 Aug 2050 02:01:18 GMT"),
		stored("section 5.3: two spaces in a date", false, "Expires", "Thu, 18  Aug  2050 02:01:18 GMT"),
		stored("Age beyond max-age", false, "Cache-Control", "max-age=3600", "Age", "7200"),
		stored("Age beyond Expires, Date slow", false, "Expires", date(10), "Date", date(-10), "Age", "25"),
		stored("Age beyond Expires, Date fast", false, "Expires", date(20), "Date", date(10), "Age", "15"),
		stored("Date long ago", false, "Cache-Control", "max-age=3600", "Date", date(-7200)),
	})
}

// RFC 9111, section 5.1: a recipient takes the first member of Age, and ignores
// what is no number.
func TestAge(t *testing.T) {
	const fresh = "max-age=3600"
	runAll(t, []scenario{
		stored("no number", true, "Cache-Control", fresh, "Age", "abc"),
		stored("negative", true, "Cache-Control", fresh, "Age", "-7200"),
		stored("fraction", true, "Cache-Control", fresh, "Age", "7200.0"),
		stored("31 bits", false, "Cache-Control", fresh, "Age", "2147483647"),
		stored("32 bits", false, "Cache-Control", fresh, "Age", "2147483649"),
		stored("old, 0", false, "Cache-Control", fresh, "Age", "7200, 0"),
		stored("0, old", true, "Cache-Control", fresh, "Age", "0, 7200"),
		stored("two lines, old first", false, "Cache-Control", fresh, "Age", "7200", "Age", "0"),
		stored("two lines, new first", true, "Cache-Control", fresh, "Age", "0", "Age", "7200"),
		{"section 4: generated", []step{
			{give: []string{"Cache-Control", fresh}, from: 1, lack: []string{"Age"}},
			{after: 3 * time.Second, from: 1, have: []string{"Age", "3"}},
		}},
		{"section 4.2.3: added to", []step{
			{give: []string{"Cache-Control", fresh, "Age", "30"}, from: 1},
			{after: 3 * time.Second, from: 1, have: []string{"Age", "33"}},
		}},
		{"Date stays", []step{
			{give: []string{"Cache-Control", fresh, "Date", "Mon, 02 Jan 2006 15:04:05 GMT", "CDN-Cache-Control", "max-age=999999999"}, from: 1},
			{after: 3 * time.Second, from: 1, have: []string{"Date", "Mon, 02 Jan 2006 15:04:05 GMT"}},
		}},
	})
}

// RFC 9111, section 4.2.2.
func TestHeuristicFreshness(t *testing.T) {
	lastModified := []string{"Last-Modified", date(-24 * 60 * 60)}
	var list []scenario
	for status, reused := range map[int]bool{
		200: true, 203: true, 204: true, 404: true, 405: true, 410: true, 414: true, 501: true,
		201: false, 202: false, 403: false, 502: false, 503: false, 504: false, 599: false,
	} {
		from := 2
		if reused {
			from = 1
		}
		list = append(list, scenario{fmt.Sprint(status), []step{
			{status: status, give: lastModified, from: 1}, {after: 3 * time.Second, status: status, from: from},
		}})
	}
	list = append(list, scenario{"599 with public", []step{
		{status: 599, give: append([]string{"Cache-Control", "public"}, lastModified...), from: 1}, {after: 3 * time.Second, status: 599, from: 1},
	}}, scenario{"modified a moment ago", []step{
		{give: []string{"Last-Modified", date(-10)}, from: 1}, {after: 3 * time.Second, from: 2},
	}})
	runAll(t, list)
}

// RFC 9111, section 3: any final status with explicit freshness.
func TestStatus(t *testing.T) {
	var list []scenario
	for _, status := range []int{200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599} {
		list = append(list, scenario{fmt.Sprint(status, " fresh"), []step{
			{status: status, give: []string{"Cache-Control", "max-age=3600"}, from: 1}, {after: 3 * time.Second, status: status, from: 1},
		}}, scenario{fmt.Sprint(status, " stale"), []step{
			{status: status, give: []string{"Cache-Control", "max-age=2"}, from: 1}, {after: 3 * time.Second, status: status, from: 2},
		}})
	}
	list = append(list, scenario{"section 5.2.2.3: must-understand, not understood", []step{
		{status: 599, give: []string{"Cache-Control", "max-age=3600, must-understand"}, from: 1}, {status: 599, from: 2},
	}}, scenario{"section 5.2.2.3: must-understand over no-store", []step{
		{give: []string{"Cache-Control", "max-age=3600, must-understand, no-store"}, from: 1}, {from: 1},
	}}, scenario{"a part is never kept", []step{
		{status: 206, ask: []string{"Range", "bytes=0-1"}, give: []string{"Cache-Control", "max-age=3600", "Content-Range", "bytes 0-1/10"}, body: "01", from: 1},
		{from: 2},
	}})
	runAll(t, list)
}

// RFC 9111, section 5.2.2: response directives.
func TestResponseDirectives(t *testing.T) {
	runAll(t, []scenario{
		stored("private", false, "Cache-Control", "private, max-age=3600"),
		stored("qualified private", false, "Cache-Control", `max-age=3600, private="x"`),
		stored("no-store", false, "Cache-Control", "no-store, max-age=3600", "Expires", date(3600)),
		stored("no-store in mixed case", false, "Cache-Control", "No-StOrE, max-age=3600"),
		stored("no-cache", false, "Cache-Control", "no-cache, max-age=3600", "Expires", date(3600)),
		stored("must-revalidate while fresh", true, "Cache-Control", "max-age=3600, must-revalidate"),
		stored("Set-Cookie", false, "Cache-Control", "max-age=3600", "Set-Cookie", "a=b"),
		{"no-cache is validated", []step{
			{give: []string{"Cache-Control", "max-age=3600, no-cache", "Etag", `"a"`}, from: 1},
			{give: []string{"Cache-Control", "max-age=3600, no-cache", "Etag", `"a"`}, asked: []string{"If-None-Match", `"a"`}, text: "body 1"},
		}},
		{"must-revalidate when stale", []step{
			{give: []string{"Cache-Control", "max-age=2, must-revalidate", "Etag", `"a"`}, from: 1},
			{from: 1},
			{after: 3 * time.Second, give: []string{"Etag", `"a"`}, asked: []string{"If-None-Match", `"a"`}, text: "body 1"},
		}},
		{"section 5.2.2.4: qualified no-cache", []step{
			{give: []string{"Cache-Control", `max-age=3600, no-cache="a, B"`, "A", "1", "B", "2", "C", "3"}, from: 1, have: []string{"A", "1"}},
			{from: 1, have: []string{"C", "3"}, lack: []string{"A", "B"}},
		}},
		{"section 3.5: Authorization", []step{
			{ask: []string{"Authorization", "x"}, give: []string{"Cache-Control", "max-age=3600"}, asked: []string{"Authorization", "x"}, from: 1}, {from: 2},
		}},
		{"section 3.5: Authorization and public", []step{
			{ask: []string{"Authorization", "x"}, give: []string{"Cache-Control", "max-age=3600, public"}, from: 1}, {from: 1},
		}},
		{"section 3.5: Authorization and must-revalidate", []step{
			{ask: []string{"Authorization", "x"}, give: []string{"Cache-Control", "max-age=3600, must-revalidate"}, from: 1}, {from: 1},
		}},
		{"section 3.5: Authorization and s-maxage", []step{
			{ask: []string{"Authorization", "x"}, give: []string{"Cache-Control", "s-maxage=3600"}, from: 1}, {from: 1},
		}},
		{"section 3.5: Authorization and proxy-revalidate", []step{
			{ask: []string{"Authorization", "x"}, give: []string{"Cache-Control", "max-age=3600, proxy-revalidate"}, from: 1}, {from: 2},
		}},
	})
}

// RFC 9213.
func TestCDNCacheControl(t *testing.T) {
	runAll(t, []scenario{
		stored("max-age", true, "CDN-Cache-Control", "max-age=3600"),
		stored("many digits", true, "CDN-Cache-Control", "max-age=99999999999"),
		stored("max-age=0", false, "CDN-Cache-Control", "max-age=0", "Expires", date(3600)),
		stored("with an extension", true, "CDN-Cache-Control", "foobar, max-age=3600"),
		stored("before Expires", true, "CDN-Cache-Control", "max-age=3600", "Expires", date(-10)),
		stored("before a shorter max-age", true, "CDN-Cache-Control", "max-age=3600", "Cache-Control", "max-age=1"),
		stored("before a longer max-age", false, "CDN-Cache-Control", "max-age=1", "Cache-Control", "max-age=3600"),
		stored("private", false, "CDN-Cache-Control", "private", "Cache-Control", "max-age=3600"),
		stored("no-cache", false, "CDN-Cache-Control", "no-cache", "Cache-Control", "max-age=3600"),
		stored("no-store", false, "CDN-Cache-Control", "no-store", "Cache-Control", "max-age=3600"),
		stored("before no-store", true, "CDN-Cache-Control", "max-age=3600", "Cache-Control", "no-store"),
		stored("Age beyond", false, "CDN-Cache-Control", "max-age=3600", "Age", "7200"),
		stored("no structured field", false, "CDN-Cache-Control", "max-age=3600, &&&&", "Cache-Control", "no-store"),
		stored("a string for a number", false, "CDN-Cache-Control", `max-age="3600"`, "Cache-Control", "no-store"),
		stored("forbidden in a field that cannot be read", false, "CDN-Cache-Control", "No-Store, &&&&", "Cache-Control", "max-age=3600"),
	})
}

// RFC 9111, section 5.2.1: request directives.
func TestRequestDirectives(t *testing.T) {
	give := []string{"Cache-Control", "max-age=3600"}
	second := func(rule string, after time.Duration, from int, ask ...string) scenario {
		return scenario{rule, []step{{give: give, from: 1}, {after: after, give: give, ask: ask, from: from, silent: from == 1}}}
	}
	runAll(t, []scenario{
		second("no-cache", 3*time.Second, 2, "Cache-Control", "no-cache"),
		second("max-age=0", 0, 2, "Cache-Control", "max-age=0"),
		second("max-age younger", 3*time.Second, 2, "Cache-Control", "max-age=2"),
		second("max-age older", 3*time.Second, 1, "Cache-Control", "max-age=30"),
		second("min-fresh met", 3*time.Second, 1, "Cache-Control", "min-fresh=30"),
		second("min-fresh not met", 3590*time.Second, 2, "Cache-Control", "min-fresh=30"),
		second("max-stale", 3610*time.Second, 1, "Cache-Control", "max-stale"),
		second("max-stale met", 3610*time.Second, 1, "Cache-Control", "max-stale=30"),
		second("max-stale not met", 3640*time.Second, 2, "Cache-Control", "max-stale=30"),
		second("Pragma", 3*time.Second, 2, "Pragma", "no-cache"),
		second("Pragma beside Cache-Control", 3*time.Second, 1, "Pragma", "no-cache", "Cache-Control", "foo"),
		second("unknown", 3*time.Second, 1, "Cache-Control", "nothing-to-see-here"),
		{"only-if-cached", []step{{ask: []string{"Cache-Control", "only-if-cached"}, code: 504, silent: true}}},
		{"only-if-cached, and it is", []step{{give: give, from: 1}, {ask: []string{"Cache-Control", "only-if-cached"}, from: 1}}},
		{"no-store", []step{{give: give, ask: []string{"Cache-Control", "no-store"}, from: 1}, {from: 2}}},
		{"max-stale against must-revalidate", []step{
			{give: []string{"Cache-Control", "max-age=1, must-revalidate"}, from: 1},
			{after: 3 * time.Second, ask: []string{"Cache-Control", "max-stale"}, from: 2},
		}},
	})
}
