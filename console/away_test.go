package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/internal/testenv"
)

// What is away is shown as away, and keeps no page from being shown.
func TestShowsWhatIsAway(t *testing.T) {
	t.Parallel()
	redis, postgres := testenv.NewRedis(t, testenv.RedisConfig{}), testenv.NewPostgres(t, testenv.PostgresConfig{})
	h := newHouse(t, func(cfg *echoic.Config) {
		cfg.Env, cfg.RedisURL, cfg.DatabaseURL = echoic.Production, redis.URL, postgres.Database(t)
	}, nil)
	shows := func(what string) {
		t.Helper()
		testenv.Eventually(t, patience, func() bool {
			code, body := h.ask("GET", "", nil)
			return code == http.StatusOK && strings.Contains(body, what)
		}, "the overview shows %q", what)
	}
	shows("closed")
	redis.Kill()
	h.visit("/1", 3) // somebody has to notice
	shows("The primary store is away")
	shows(`<span class="state state--bad">away</span>`)
	for _, path := range paths {
		if strings.HasPrefix(path, "/entry") || strings.Contains(path, "?") {
			continue // these ask the store, and may fail
		}
		watch := testenv.NewStopwatch()
		if code, _ := h.ask("GET", path, nil); code != http.StatusOK {
			t.Errorf("GET %s without Redis: %d", path, code)
		}
		if took := watch.Took(); took > 5*time.Second {
			t.Errorf("GET %s without Redis takes %v", path, took)
		}
	}
	redis.Restart()
	shows(`<span class="state state--good">closed</span>`)
}
