package pagecache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/pagecache"
)

// holes is a set with the visitor's name, from the header X-User, and a nonce.
func holes(t *testing.T) *live.Set { return holesWithin(t, time.Minute) }

func holesWithin(t *testing.T, timeout time.Duration) *live.Set {
	t.Helper()
	set, err := live.New(live.Config{Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	var nonces atomic.Int64
	err = errors.Join(
		set.Live("username", live.HTML, func(ctx context.Context) (string, error) {
			name := live.Request(ctx).Header.Get("X-User")
			switch name {
			case "fails":
				return "", errors.New("no name")
			case "panics":
				panic("no name")
			case "hangs":
				<-ctx.Done()
				return "somebody's", nil
			}
			return name, nil
		}),
		set.Live("nonce", live.Token, func(ctx context.Context) (string, error) {
			if live.Request(ctx).Header.Get("X-User") == "badtoken" {
				return `x' 'unsafe-inline`, nil
			}
			return "n" + strconv.FormatInt(nonces.Add(1), 10), nil
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// holePage writes a page with holes, as a renderer does. Its text looks like
// what a cache that looks for marks would look for.
func holePage(set *live.Set, policy bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Etag", `"handler"`)
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		if w.Header().Get("CDN-Cache-Control") == "" {
			w.Header().Set("CDN-Cache-Control", "max-age=60")
		}
		fail := func(err error) { http.Error(w, "broken: "+err.Error(), http.StatusInternalServerError) }
		if policy {
			f, err := set.NewField("Content-Security-Policy", live.Part{Text: "script-src 'nonce-"}, live.Part{Hole: "nonce"}, live.Part{Text: "'"})
			if err == nil {
				err = f.Set(r.Context(), set, w.Header())
			}
			if err != nil {
				fail(err)
				return
			}
		}
		var b live.Buffer
		b.WriteString("<p>{{live \"username\"}} <!--hole:username--> \x00username\x00 ")
		err := b.Put(r.Context(), set, "username")
		b.WriteString("</p>")
		if policy && err == nil {
			b.WriteString(`<script nonce="`)
			err = b.Put(r.Context(), set, "nonce")
			b.WriteString(`"></script>`)
		}
		if err == nil {
			err = set.Deliver(r.Context(), w, &b)
		}
		if err != nil {
			fail(err)
		}
	}
}

func holeText(name string) string {
	return "<p>{{live \"username\"}} <!--hole:username--> \x00username\x00 " + name + "</p>"
}

func newHoleSite(t *testing.T, handler func(set *live.Set) http.HandlerFunc, opts ...pagecache.Option) (*site, *live.Set) {
	t.Helper()
	set := holes(t)
	return newSite(t, handler(set), func(cfg *pagecache.Config) { cfg.Live = set }, opts...), set
}

func plainHoles(set *live.Set) http.HandlerFunc { return holePage(set, false) }

func policyHoles(set *live.Set) http.HandlerFunc { return holePage(set, true) }

// wantPrivate checks the header of an answer with holes.
func wantPrivate(t *testing.T, r *http.Response) {
	t.Helper()
	if got := r.Header.Get("Cache-Control"); got != "private, no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	for _, name := range []string{"Etag", "Last-Modified", "Expires", "Cdn-Cache-Control", "Content-Encoding", "Accept-Ranges"} {
		if len(r.Header[name]) > 0 {
			t.Errorf("an answer with holes has %s: %q", name, r.Header[name])
		}
	}
}

func TestEachVisitorGetsHisOwnName(t *testing.T) {
	t.Parallel()
	s, _ := newHoleSite(t, plainHoles)
	for i, name := range []string{"ann", "bob", "", "<b>&\"", "{{live \"username\"}}", "\x00username\x00", "<!--hole:username-->"} {
		res := s.get("http://a.test/", "X-User", name)
		want := holeText(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "\x00", "\uFFFD").Replace(name))
		if got := body(t, res); got != want {
			t.Errorf("%q got %q, want %q", name, got, want)
		}
		if isHit(t, res) != (i > 0) {
			t.Errorf("request %d: Cache-Status %q", i, res.Header["Cache-Status"])
		}
		if got := res.Header.Get("Content-Length"); got != strconv.Itoa(len(want)) {
			t.Errorf("Content-Length is %s of %d", got, len(want))
		}
		wantPrivate(t, res)
	}
	s.wantRuns(1)
}

func TestAnAnswerWithHolesIsSentWhole(t *testing.T) {
	t.Parallel()
	s, _ := newHoleSite(t, plainHoles)
	s.get("http://a.test/", "X-User", "ann")
	for _, header := range [][]string{
		{"If-None-Match", `"handler"`}, {"If-None-Match", "*"}, {"If-Modified-Since", "Mon, 02 Jan 2036 15:04:05 GMT"},
		{"If-Match", `"other"`}, {"Range", "bytes=0-3"}, {"Accept-Encoding", "gzip"},
	} {
		res := s.get("http://a.test/", append(header, "X-User", "bob")...)
		if res.StatusCode != http.StatusOK || body(t, res) != holeText("bob") || !isHit(t, res) {
			t.Errorf("%q: status %d, Cache-Status %q", header, res.StatusCode, res.Header["Cache-Status"])
		}
		wantPrivate(t, res)
	}
	head := s.do(http.MethodHead, "http://a.test/", "X-User", "robert")
	if got := head.Header.Get("Content-Length"); got != strconv.Itoa(len(holeText("robert"))) || !isHit(t, head) || body(t, head) != "" {
		t.Errorf("HEAD: Content-Length %s, Cache-Status %q", got, head.Header["Cache-Status"])
	}
	s.wantRuns(1)
}

func TestOneNonceForHeaderAndBody(t *testing.T) {
	t.Parallel()
	s, _ := newHoleSite(t, policyHoles)
	seen := map[string]bool{}
	for range 3 {
		res := s.get("http://a.test/", "X-User", "ann")
		nonce := strings.TrimSuffix(strings.TrimPrefix(res.Header.Get("Content-Security-Policy"), "script-src 'nonce-"), "'")
		if !strings.HasSuffix(body(t, res), `<script nonce="`+nonce+`"></script>`) || nonce == "" {
			t.Errorf("the nonce of the header, %q, is not that of the body", nonce)
		}
		if seen[nonce] {
			t.Errorf("nonce %q came twice", nonce)
		}
		seen[nonce] = true
		wantPrivate(t, res)
	}
	s.wantRuns(1)
}

func TestAHoleThatFailsFallsBackToTheHandler(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"fails", "panics", "hangs", "badtoken"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			set := holesWithin(t, time.Second)
			s := newSite(t, policyHoles(set), func(cfg *pagecache.Config) { cfg.Live = set })
			s.get("http://a.test/", "X-User", "ann")
			res := s.get("http://a.test/", "X-User", who)
			if got := body(t, res); res.StatusCode != http.StatusInternalServerError || !strings.HasPrefix(got, "broken: live: hole") {
				t.Fatalf("got %d %q, want the handler's own failure", res.StatusCode, got)
			}
			s.wantRuns(2)
			if res := s.get("http://a.test/", "X-User", "bob"); !isHit(t, res) || !strings.Contains(body(t, res), "bob</p>") {
				t.Error("the page is gone, or is somebody else's")
			}
			s.wantRuns(2)
		})
	}
}

// Whatever a handler does with a document after it was written, no value of one
// visitor stays in what others get.
func TestAnswersWhoseHolesMovedAreNotKept(t *testing.T) {
	t.Parallel()
	deliver := func(ctx context.Context, set *live.Set) string {
		var b live.Buffer
		var out strings.Builder
		b.WriteString("<i>")
		_ = b.Put(ctx, set, "username")
		b.WriteString("</i>")
		_ = set.Deliver(ctx, &out, &b)
		return out.String()
	}
	for name, write := range map[string]func(ctx context.Context, set *live.Set) string{
		"before":  func(ctx context.Context, set *live.Set) string { return "x" + deliver(ctx, set) },
		"behind":  func(ctx context.Context, set *live.Set) string { return deliver(ctx, set) + "x" },
		"twice":   func(ctx context.Context, set *live.Set) string { d := deliver(ctx, set); return d + d },
		"changed": func(ctx context.Context, set *live.Set) string { return strings.ToUpper(deliver(ctx, set)) },
		"cut":     func(ctx context.Context, set *live.Set) string { return deliver(ctx, set)[2:] },
		"swapped": func(ctx context.Context, set *live.Set) string {
			var other live.Buffer
			d := deliver(ctx, set)
			other.WriteString("<b>other</b>")
			var out strings.Builder
			_ = set.Deliver(ctx, &out, &other)
			return out.String() + d
		},
		"lost": func(ctx context.Context, set *live.Set) string {
			var out strings.Builder
			_ = set.Write(ctx, &out, "username")
			return out.String() + "!"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newHoleSite(t, func(set *live.Set) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "text/html")
					fmt.Fprint(w, write(r.Context(), set))
				}
			})
			for i, who := range []string{"ann", "bob"} {
				res := s.get("http://a.test/", "X-User", who)
				if got := strings.ToLower(body(t, res)); !strings.Contains(got, who) {
					t.Errorf("%s got %q", who, got)
				}
				wantPrivate(t, res)
				s.wantRuns(int64(i + 1))
			}
		})
	}
}

func TestTwoDocumentsMakeOneAnswer(t *testing.T) {
	t.Parallel()
	s, _ := newHoleSite(t, func(set *live.Set) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			for _, text := range []string{"<head>", "<body>"} {
				var b live.Buffer
				b.WriteString(text)
				if text == "<body>" {
					_ = b.Put(r.Context(), set, "username")
				}
				_ = set.Deliver(r.Context(), w, &b)
			}
		}
	})
	for _, who := range []string{"ann", "bob"} {
		if got := body(t, s.get("http://a.test/", "X-User", who)); got != "<head><body>"+who {
			t.Errorf("%s got %q", who, got)
		}
	}
	s.wantRuns(1)
}
