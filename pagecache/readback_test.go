package pagecache_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

// readsBack is a client that asks for the page as soon as it sees the answer to its
// change begin.
type readsBack struct {
	http.ResponseWriter
	ask  func()
	seen bool
}

func (w *readsBack) WriteHeader(status int) {
	w.ResponseWriter.WriteHeader(status)
	w.sees()
}

func (w *readsBack) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.sees()
	return n, err
}

func (w *readsBack) sees() {
	if !w.seen {
		w.seen = true
		w.ask()
	}
}

// RFC 9111, section 4.4: what was changed is invalid before the client hears that
// it was. A proxy passes answers on as they come.
func TestInvalidBeforeTheClientKnows(t *testing.T) {
	t.Parallel()
	strict := func(cfg *pagecache.Config) { cfg.Strict = true }
	_, far := sharedSite(t)
	outside := func(cfg *pagecache.Config) {
		kept, err := cache.New(cache.Config{Store: far, IgnoreErrors: true, Now: cfg.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = kept.Close() })
		cfg.Strict, cfg.Cache, cfg.StoreBudget = true, kept, time.Minute
	}
	for name, edit := range map[string]func(*pagecache.Config){"in the process": strict, "outside": outside} {
		for _, how := range []string{"header", "body"} {
			pages := numbered()
			s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", "max-age=60")
				if how == "header" {
					w.WriteHeader(http.StatusOK)
				}
				pages(w, r)
			}, edit)
			for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodDelete} {
				t.Run(name+" "+how+" "+method, func(t *testing.T) { s.readBack(t, method, "http://a.test/"+how+method) })
			}
		}
	}
}

func (s *site) readBack(t *testing.T, method, url string) {
	t.Helper()
	before := body(t, s.get(url))
	if again := body(t, s.get(url)); again != before {
		t.Fatalf("%q was not kept, then %q", before, again)
	}
	w := &readsBack{ResponseWriter: httptest.NewRecorder(), ask: func() {
		if after := body(t, s.get(url)); after == before {
			t.Errorf("the client sees %q, as before the change", after)
		}
	}}
	s.h.ServeHTTP(w, httptest.NewRequest(method, url, nil))
	if !w.seen {
		t.Error("no answer")
	}
}

// A handler that writes nothing answers 200: what it changed is invalid as well.
func TestInvalidWithoutAWord(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{false, true} {
		for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodDelete} {
			pages := numbered()
			s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					w.Header().Set("Cache-Control", "max-age=60")
					pages(w, r)
				}
			}, func(cfg *pagecache.Config) { cfg.Strict = strict })
			before := body(t, s.get("http://a.test/"))
			s.h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "http://a.test/", nil))
			if after := body(t, s.get("http://a.test/")); after == before {
				t.Errorf("strict %v, %s: the page is %q as before the change", strict, method, after)
			}
		}
	}
}
