package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/internal/testenv"
)

// counted is a source that knows how often it was asked for what.
type counted struct{ overviews, counters atomic.Int64 }

func (s *counted) Overview(context.Context) (console.Overview, error) {
	s.overviews.Add(1)
	return console.Overview{Time: time.Now(), Pages: console.Pages{Hits: 10}}, nil
}

func (s *counted) Counters() console.Overview {
	s.counters.Add(1)
	return console.Overview{Time: time.Now(), Pages: console.Pages{Hits: 10}}
}

func (s *counted) Activity(context.Context) (console.Activity, error) {
	return console.Activity{}, nil
}

// A console that nobody looks at asks no store; who looks gets what is true now,
// and so does who comes back.
func TestAsksStoresOnlyWhileSomebodyLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &counted{}
		page, err := console.New(console.Config{Source: source, Authorize: authorize})
		if err != nil {
			t.Fatal(err)
		}
		defer page.Close()
		wants := func(overviews int64, when string) {
			t.Helper()
			if n := source.overviews.Load(); n != overviews {
				t.Errorf("%s the stores were asked %d times, want %d", when, n, overviews)
			}
		}
		ask := func(ctx context.Context, path string) {
			r := httptest.NewRequestWithContext(ctx, "GET", "http://localhost/console"+path, nil)
			r.Header.Set(operatorHeader, "anna")
			w := httptest.NewRecorder()
			if page.ServeHTTP(w, r); w.Code != http.StatusOK {
				t.Errorf("GET %s: %d", path, w.Code)
			}
		}
		time.Sleep(time.Hour)
		if n := source.counters.Load(); n < 700 {
			t.Errorf("%d samples in an hour", n)
		}
		wants(0, "while nobody looked")
		ask(t.Context(), "")
		wants(1, "for a page")
		time.Sleep(time.Hour)
		wants(1, "after that")
		ctx, cancel := context.WithTimeout(t.Context(), 21*time.Second)
		defer cancel()
		ask(ctx, "/live")
		synctest.Wait()
		if n := source.overviews.Load(); n < 5 || n > 7 {
			t.Errorf("a live page of 21 s asked %d times, want 5 to 7 with the one before", n)
		}
	})
}

// The counters of an App come from no store, and still know how long its calls
// took.
func TestCountersAskNoStore(t *testing.T) {
	t.Parallel()
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	h := newHouse(t, func(cfg *echoic.Config) {
		cfg.Env, cfg.RedisURL = echoic.Production, redis.URL
		cfg.DatabaseURL = testenv.Postgres(t).Database(t)
	}, func(cfg *console.Config) { cfg.Interval = time.Minute })
	h.visit("/1", 3)
	for range 100 {
		h.app.Counters()
	}
	stats, err := redigo.String(redis.Do("INFO", "commandstats"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(stats, "cmdstat_scan:") {
		t.Errorf("keys were sampled though nobody looked:\n%s", stats)
	}
	o := h.app.Counters()
	if o.Pages.Requests != 3 || len(o.Stores) == 0 || o.Stores[0].Kind != "redis" || o.Stores[0].Calls.Count == 0 {
		t.Errorf("pages %+v, stores %+v", o.Pages, o.Stores)
	}
}
