package pagecache_test

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// A page that cannot be made anew is not tried again for every visitor, however
// the handler fails.
func TestFailingRefreshIsOneRun(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]http.HandlerFunc{
		"status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"panic":  func(http.ResponseWriter, *http.Request) { panic("broken") },
		"breaks off": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		for stands, control := range map[string]string{"": "", " and the stale page stands in": ", stale-if-error=600"} {
			t.Run(name+stands, func(t *testing.T) {
				t.Parallel()
				var broken atomic.Bool
				handler := numbered("Cache-Control", "max-age=60, stale-while-revalidate=600"+control)
				s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
					if broken.Load() {
						fails(w, r)
						return
					}
					handler(w, r)
				}, nil)
				s.get("http://a.test/")
				broken.Store(true)
				s.clock.Store(int64(90 * time.Second))
				until(t, "tried", func() bool { return body(t, s.get("http://a.test/")) == "1" && s.runs.Load() > 1 })
				for range 2000 {
					if got := body(t, s.get("http://a.test/")); got != "1" {
						t.Fatalf("got %q", got)
					}
				}
				s.wantRuns(2)
			})
		}
	}
}
