package console

import (
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/metrics"
	"github.com/echoic-go/echoic/pagecache"
)

func TestEveryReasonHasAMeaning(t *testing.T) {
	t.Parallel()
	for _, why := range pagecache.Reasons() {
		if meaning[why] == "" {
			t.Errorf("the reason %q is not explained: add it to meaning", why)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		grouped(0): "0", grouped(999): "999", grouped(1234567): "1\u202f234\u202f567",
		percent(0.9999): "99.9 %", percent(1): "100.0 %", percent(0): "0.0 %",
		bytesOf(0): "0\u202fB", bytesOf(1536): "1.5\u202fKiB", bytesOf(5 << 40): "5.0\u202fTiB", bytesOf(5 << 50): "5120\u202fTiB",
		span2(0): "0", span2(1500 * time.Microsecond): "1.5\u202fms", span2(42 * time.Second): "42\u202fs",
		long(90 * time.Second): "1 min", long(26 * time.Hour): "26 h 0 min", long(72 * time.Hour): "3 days",
		decimal(0): "0", decimal(0.25): "0.25", decimal(1234.5): "1\u202f235",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain ünicode 日本\n\t": "plain ünicode 日本\n\t", "\x1b[31m": `\x1b[31m`, "a\u202eb": `a\u202eb`, "a\x00b\x7f": `a\x00b\x7f`,
		"\x9b": `\x9b`, "\u009b": `\u009b`, "zero\u200bwidth": `zero\u200bwidth`, "\u2028": `\u2028`, "1\u202f234": "1\u202f234",
	} {
		if got := string(visible([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add([]byte("a\x1b\u202e\xff<b>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		out := string(visible(text))
		for _, r := range out {
			if hidden(r) {
				t.Errorf("%q: %q is still there in %q", text, r, out)
			}
		}
		if strings.Count(out, "<") != strings.Count(string(text), "<") {
			t.Errorf("%q became %q", text, out)
		}
	})
}

// A counter that begins anew, when the source is another one for example, must not
// turn the chart over.
func TestHistorySurvivesSmallerNumbers(t *testing.T) {
	t.Parallel()
	h := newHistory(3)
	at := time.Now()
	for i, hits := range []uint64{100, 150, 10, 30, 40} {
		h.add(Overview{Time: at.Add(time.Duration(i) * time.Second), Pages: Pages{Hits: hits, Handler: LatencyOf(metrics.Latency{})}})
	}
	list, _ := h.samples()
	if len(list) != 3 || list[0].hits != 0 || list[1].hits != 20 || list[2].hits != 10 {
		t.Errorf("%+v", list)
	}
	for _, c := range charts(list, at.Add(5*time.Second), time.Minute) {
		if strings.Contains(string(c.SVG), "NaN") || strings.Contains(string(c.SVG), "Inf") || c.Summary == "" {
			t.Errorf("%s: %s %s", c.Title, c.Summary, c.SVG)
		}
	}
}
