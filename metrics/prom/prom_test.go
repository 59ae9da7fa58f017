package prom_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/metrics/prom"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testenv.Wrap(m)) }

func open(t *testing.T, set func(*echoic.Config)) *echoic.App {
	t.Helper()
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
	if set != nil {
		set(&cfg)
	}
	app, err := echoic.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	return app
}

func registryOf(t *testing.T, source console.Source) *prometheus.Registry {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(prom.NewCollector(prom.Config{Source: source, Labels: prometheus.Labels{"app": "test"}})); err != nil {
		t.Fatal(err)
	}
	return registry
}

// production is an application with everything that there are numbers of.
func production(t *testing.T) *echoic.App {
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	return open(t, func(cfg *echoic.Config) {
		cfg.Env, cfg.RedisURL, cfg.DatabaseURL = echoic.Production, redis.URL, testenv.Postgres(t).Database(t)
	})
}

// visit reports whether the page was kept.
func visit(h http.Handler, url string) (hit bool) {
	r, w := httptest.NewRequest(http.MethodGet, url, nil), httptest.NewRecorder()
	r.Pattern = "/quotes/:id"
	h.ServeHTTP(w, r)
	return strings.Contains(w.Header().Get("Cache-Status"), "; hit")
}

func pagesOf(app *echoic.App) http.Handler {
	return app.Pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") }))
}

func TestCollector(t *testing.T) {
	t.Parallel()
	app := production(t)
	registry := registryOf(t, app)
	h := pagesOf(app)
	hits, misses := 0, 0
	for hits < 2 && misses < 100 { // what is kept while the servers are only just there may be dropped
		if visit(h, "http://a.test/quotes/1") {
			hits++
		} else {
			misses++
		}
	}
	want := fmt.Sprintf(`
		# HELP echoic_page_requests_total Requests for pages by route template and outcome; refresh is no visitor's.
		# TYPE echoic_page_requests_total counter
		echoic_page_requests_total{app="test",outcome="hit",route="/quotes/:id"} %d
		echoic_page_requests_total{app="test",outcome="miss",route="/quotes/:id"} %d
	`, hits, misses)
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "echoic_page_requests_total"); err != nil {
		t.Error(err)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "echoic_page_handler_seconds" {
			if got := f.GetMetric()[0].GetHistogram(); got.GetSampleCount() != uint64(misses) || len(got.GetBucket()) != 22 {
				t.Errorf("handler: %v", got)
			}
		}
	}
}

// TestSeriesAreBounded asks for 10,000 different URLs, with ECHOIC_FULL for 100,000.
func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	app := open(t, nil)
	registry := registryOf(t, app)
	h := pagesOf(app)
	count := func() int {
		n, err := testutil.GatherAndCount(registry)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 2 { // so that there is a hit and a miss
		visit(h, "http://a.test/quotes/first")
	}
	urls := 10_000
	if os.Getenv("ECHOIC_FULL") != "" {
		urls *= 10
	}
	before := count()
	for i := range urls {
		visit(h, fmt.Sprintf("http://a.test/quotes/%d?x=%d", i, i))
	}
	if after := count(); after != before || before < 30 {
		t.Errorf("%d series before %d URLs, %d after", before, urls, after)
	}
}

// A route that is named in bytes which are no text must not break the scrape.
func TestOddRoutes(t *testing.T) {
	t.Parallel()
	app := open(t, nil)
	registry := registryOf(t, app)
	r := httptest.NewRequest(http.MethodGet, "http://a.test/", nil)
	r.Pattern = "/\xff\x00"
	pagesOf(app).ServeHTTP(httptest.NewRecorder(), r)
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
}

type broken struct{}

func (broken) Overview(context.Context) (console.Overview, error) {
	return console.Overview{}, errors.New("no numbers today")
}

func (broken) Activity(context.Context) (console.Activity, error) { return console.Activity{}, nil }

func TestFailureIsReported(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	registry.MustRegister(prom.NewCollector(prom.Config{Source: broken{}}))
	if _, err := registry.Gather(); err == nil || !strings.Contains(err.Error(), "no numbers today") {
		t.Errorf("a source that fails: %v", err)
	}
}

var (
	metricNames = regexp.MustCompile(`\bechoic_[a-z_]+`)
	described   = regexp.MustCompile(`fqName: "([^"]+)"`)
)

// known are the names of all metrics.
func known(t *testing.T) map[string]bool {
	t.Helper()
	descs := make(chan *prometheus.Desc, 200)
	prom.NewCollector(prom.Config{Source: broken{}}).Describe(descs)
	close(descs)
	names := map[string]bool{}
	for d := range descs {
		names[described.FindStringSubmatch(d.String())[1]] = true
	}
	if len(names) < 30 {
		t.Fatalf("only %d metrics are described", len(names))
	}
	return names
}

// exists reports whether there is a metric, or a part of a histogram.
func exists(names map[string]bool, name string) bool {
	for _, part := range []string{"", "_bucket", "_sum", "_count"} {
		if names[strings.TrimSuffix(name, part)] {
			return true
		}
	}
	return false
}

func TestAlertsNameMetricsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For string
				Labels           map[string]string
				Annotations      map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	names, rules := known(t), 0
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			rules++
			if rule.Alert == "" || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" {
				t.Errorf("a rule without name, severity or summary: %+v", rule)
			}
			used := metricNames.FindAllString(rule.Expr, -1)
			if len(used) == 0 {
				t.Errorf("%s asks for no metric", rule.Alert)
			}
			for _, name := range used {
				if !exists(names, name) {
					t.Errorf("%s asks for %s, which does not exist", rule.Alert, name)
				}
			}
			if strings.Count(rule.Expr, "(") != strings.Count(rule.Expr, ")") {
				t.Errorf("%s: parentheses do not match", rule.Alert)
			}
		}
	}
	if rules < 8 {
		t.Errorf("only %d rules", rules)
	}
}

// The page about monitoring names all metrics, and no others.
func TestDocumentationNamesAllMetrics(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	names := known(t)
	for _, name := range metricNames.FindAllString(string(text), -1) {
		if !exists(names, name) {
			t.Errorf("docs/monitoring.md names %s, which does not exist", name)
		}
	}
	for name := range names {
		if !strings.Contains(string(text), name) {
			t.Errorf("docs/monitoring.md does not name %s", name)
		}
	}
}
