package echoic_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/internal/testenv"
)

// REDIS_URL as it is pasted, for each way in which Redis is run: the site works,
// sessions survive a restart of the application, and check finds nothing wrong.
func TestWaysToRunRedis(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(t *testing.T, cfg *echoic.Config){
		"Sentinel": func(t *testing.T, cfg *echoic.Config) {
			s := testenv.NewSentinel(t, testenv.SentinelConfig{SentinelPassword: "of-the-sentinels", DownAfter: 5 * time.Second})
			cfg.RedisURL, cfg.RedisSentinelPassword = s.URL, "of-the-sentinels"
		},
		"Cluster": func(t *testing.T, cfg *echoic.Config) {
			cfg.RedisURL = strings.TrimSuffix(testenv.NewCluster(t, testenv.ClusterConfig{NodeTimeout: 10 * time.Second}).URL, "/0") + "/1"
		},
		"unix socket": func(t *testing.T, cfg *echoic.Config) {
			s := testenv.NewRedis(t, testenv.RedisConfig{})
			cfg.RedisURL = "unix://:" + s.Password + "@" + s.Socket + "?db=1"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := echoic.DefaultConfig()
			cfg.Env, cfg.DatabaseURL, cfg.CachePrefix = echoic.Production, testenv.Postgres(t).Database(t), "ways"
			cfg.CacheStoreBudget, cfg.RedisSocketTimeout = 10*time.Second, 5*time.Second
			cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
			set(t, &cfg)
			if _, err := echoic.Tables(t.Context(), cfg, false); err != nil {
				t.Fatal(err)
			}
			for _, result := range echoic.Check(t.Context(), cfg) {
				if !result.OK {
					t.Errorf("check: %s: %s", result.Name, result.Detail)
				}
			}
			app, err := echoic.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			holds(t, app)
			v := &visitor{site: newQuotesSite(app)}
			v.do(t, "POST", "/login/anna")
			v.do(t, "GET", "/")
			if res, _ := v.do(t, "GET", "/"); !isHit(res) {
				t.Errorf("the second request is no hit: %v", res.Header["Cache-Status"])
			}
			if err := app.Close(); err != nil {
				t.Fatal(err)
			}
			v.site = newQuotesSite(open(t, cfg))
			if _, body := v.do(t, "GET", "/me"); body != "<p>user anna" {
				t.Errorf("after the restart: %q", body)
			}
			if res, _ := v.do(t, "GET", "/"); !isHit(res) {
				t.Errorf("the page was not in Redis: %v", res.Header["Cache-Status"])
			}
			if freed, err := echoic.ClearCache(t.Context(), cfg, nil); err != nil || freed == 0 {
				t.Errorf("ClearCache freed %d, %v", freed, err)
			}
			if _, body := v.do(t, "GET", "/me"); body != "<p>user anna" {
				t.Errorf("clearing the cache ended a session: %q", body)
			}
		})
	}
}
