package echoic_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestOverviewInMemory(t *testing.T) {
	t.Parallel()
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
	app := open(t, cfg)
	h := app.Pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") }))
	for range 3 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://a.test/", nil))
	}
	o := overviewOf(t, app)
	if o.Pages.Hits != 2 || o.Pages.Misses != 1 || o.Pages.Requests != 3 || o.Pages.HitRate() < 0.66 {
		t.Errorf("pages: %+v", o.Pages)
	}
	if len(o.Stores) != 1 || o.Stores[0].Kind != "memory" || !o.Stores[0].OK || o.Stores[0].Entries == 0 {
		t.Errorf("stores: %+v", o.Stores)
	}
	if o.Breaker != nil || o.Near != nil || o.Count == nil || o.Count.AtLeast {
		t.Errorf("breaker %v, near %v, sessions %+v", o.Breaker, o.Near, o.Count)
	}
	activity, err := app.Activity(t.Context())
	if err != nil || len(activity.Recent) != 3 || len(activity.Routes) != 1 || len(activity.Cost) != 1 {
		t.Errorf("activity: %+v, %v", activity, err)
	}
}

func TestOverviewInProduction(t *testing.T) {
	t.Parallel()
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	cfg := echoic.DefaultConfig()
	cfg.Env, cfg.RedisURL = echoic.Production, redis.URL
	cfg.DatabaseURL = testenv.Postgres(t).Database(t)
	app := open(t, cfg)
	if _, err := cache.Of[string](app.Cache).Set(t.Context(), "a", "1"); err != nil {
		t.Fatal(err)
	}
	if err := app.Cache.Purge(t.Context(), "red"); err != nil {
		t.Fatal(err)
	}
	o := overviewOf(t, app)
	roles := map[string]console.Store{}
	for _, s := range o.Stores {
		roles[s.Role] = s
	}
	if p := roles["primary"]; !p.OK || p.Kind != "redis" || p.Version == "" || p.Entries == 0 || p.Calls.Count == 0 {
		t.Errorf("primary: %+v", p)
	}
	if f := roles["fallback"]; !f.OK || f.Kind != "postgres" {
		t.Errorf("fallback: %+v", f)
	}
	if o.Breaker == nil || o.Breaker.State != "closed" || o.Near == nil || o.Journal.Length == 0 || !o.Journal.Durable {
		t.Errorf("breaker %+v, near %+v, journal %+v", o.Breaker, o.Near, o.Journal)
	}
	if k := o.Keyspace; k == nil || !k.Exact || k.Kinds["value"] != 1 {
		t.Errorf("keyspace: %+v", k)
	}
	text, err := json.Marshal(o)
	var back console.Overview
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil || back.Stores[0].Calls.P50 != o.Stores[0].Calls.P50 {
		t.Errorf("as JSON and back: %v, %+v", err, back.Stores)
	}
}

// A Redis that is stopped must not keep the page from being shown.
func TestOverviewWithoutRedis(t *testing.T) {
	t.Parallel()
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	cfg := echoic.DefaultConfig()
	cfg.RedisURL, cfg.SessionDatabase = redis.URL, t.TempDir()+"/sessions.db"
	app := open(t, cfg)
	redis.Stop()
	t.Cleanup(redis.Cont)
	watch := testenv.NewStopwatch()
	o := overviewOf(t, app)
	if took := watch.Took(); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if len(o.Stores) != 1 || o.Stores[0].OK || o.Stores[0].Problem == "" {
		t.Errorf("stores: %+v", o.Stores)
	}
}

func overviewOf(t *testing.T, app *echoic.App) console.Overview {
	t.Helper()
	o, err := app.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o
}
