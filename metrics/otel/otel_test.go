package otel_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/metrics/otel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) *echoic.App {
	t.Helper()
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
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

func ask(h http.Handler, url string) {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	r.Pattern = "/quotes/:id"
	h.ServeHTTP(httptest.NewRecorder(), r)
}

var answers = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })

// read collects as an exporter does.
func read(t *testing.T, reader *metric.ManualReader) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	byName := map[string]metricdata.Metrics{}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			byName[m.Name] = m
		}
	}
	return byName
}

// readerOf is an SDK's reader with a producer.
func readerOf(t *testing.T, source console.Source) *metric.ManualReader {
	t.Helper()
	reader := metric.NewManualReader(metric.WithProducer(otel.NewProducer(otel.Config{Source: source})))
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	t.Cleanup(func() {
		if err := provider.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return reader
}

func TestProducer(t *testing.T) {
	t.Parallel()
	app := open(t)
	h := app.Pages.Handler(answers)
	for range 3 {
		ask(h, "http://a.test/quotes/1")
	}
	got := read(t, readerOf(t, app))
	requests, ok := got["echoic.page.requests"].Data.(metricdata.Sum[float64])
	if !ok || !requests.IsMonotonic || len(requests.DataPoints) != 2 {
		t.Fatalf("requests: %+v", got["echoic.page.requests"])
	}
	for _, p := range requests.DataPoints {
		outcome, _ := p.Attributes.Value("outcome")
		route, _ := p.Attributes.Value("route")
		want := map[string]float64{"hit": 2, "miss": 1}[outcome.AsString()]
		if p.Value != want || route.AsString() != "/quotes/:id" {
			t.Errorf("%s of %s: %v, want %v", outcome.AsString(), route.AsString(), p.Value, want)
		}
	}
	handler, ok := got["echoic.page.handler"].Data.(metricdata.Histogram[float64])
	if !ok || handler.DataPoints[0].Count != 1 || len(handler.DataPoints[0].BucketCounts) != len(handler.DataPoints[0].Bounds)+1 || got["echoic.page.handler"].Unit != "s" {
		t.Errorf("handler: %+v", got["echoic.page.handler"])
	}
}

func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	app := open(t)
	h, reader := app.Pages.Handler(answers), readerOf(t, app)
	count := func() (n int) {
		for _, m := range read(t, reader) {
			switch data := m.Data.(type) {
			case metricdata.Sum[float64]:
				n += len(data.DataPoints)
			case metricdata.Gauge[float64]:
				n += len(data.DataPoints)
			case metricdata.Histogram[float64]:
				n += len(data.DataPoints)
			}
		}
		return n
	}
	for range 2 {
		ask(h, "http://a.test/quotes/first")
	}
	urls := 10_000
	if os.Getenv("ECHOIC_FULL") != "" {
		urls *= 10
	}
	before := count()
	for i := range urls {
		ask(h, fmt.Sprintf("http://a.test/quotes/%d", i))
	}
	if after := count(); after != before || before < 30 {
		t.Errorf("%d series before %d URLs, %d after", before, urls, after)
	}
}

type broken struct{}

func (broken) Overview(context.Context) (console.Overview, error) {
	return console.Overview{}, errors.New("no numbers today")
}

func (broken) Activity(context.Context) (console.Activity, error) { return console.Activity{}, nil }

func TestFailureIsReported(t *testing.T) {
	t.Parallel()
	var all metricdata.ResourceMetrics
	if err := readerOf(t, broken{}).Collect(t.Context(), &all); err == nil || !strings.Contains(err.Error(), "no numbers today") {
		t.Errorf("a source that fails: %v", err)
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	app := open(t)
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	spans := otel.NewSpans(provider)
	h := spans.Page(app.Pages.Handler(spans.Handler(answers)))
	ask(h, "http://a.test/quotes/1?secret=1")
	ask(h, "http://a.test/quotes/1?secret=1")
	ended := recorder.Ended()
	if len(ended) != 3 {
		t.Fatalf("%d spans, want two of a miss and one of a hit", len(ended))
	}
	handler, miss, hit := ended[0], ended[1], ended[2]
	if handler.Parent().SpanID() != miss.SpanContext().SpanID() {
		t.Error("the handler's span is not within the page's")
	}
	for span, want := range map[trace.ReadOnlySpan]bool{miss: false, hit: true} {
		if got, ok := value(span, "echoic.hit"); !ok || got.AsBool() != want {
			t.Errorf("%s: hit %v, want %v", span.Name(), got, want)
		}
	}
	for _, span := range ended {
		if !strings.HasSuffix(span.Name(), " GET /quotes/:id") {
			t.Errorf("a span is called %q", span.Name())
		}
		for _, a := range span.Attributes() {
			if strings.Contains(a.Value.String(), "secret") {
				t.Errorf("%s says %s", span.Name(), a.Value.String())
			}
		}
	}
	if err := provider.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func value(span trace.ReadOnlySpan, key attribute.Key) (attribute.Value, bool) {
	for _, a := range span.Attributes() {
		if a.Key == key {
			return a.Value, true
		}
	}
	return attribute.Value{}, false
}

// Without a provider the page cache answers as before.
func TestNoProvider(t *testing.T) {
	t.Parallel()
	spans := otel.NewSpans(nil)
	w := httptest.NewRecorder()
	spans.Page(spans.Handler(answers)).ServeHTTP(w, httptest.NewRequest("GET", "http://a.test/", nil))
	if w.Body.String() != "x" {
		t.Errorf("%q", w.Body.String())
	}
}
