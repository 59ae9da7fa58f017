// Package otel gives OpenTelemetry the numbers of an application, and makes spans of
// requests.
//
//	reader := metric.NewPeriodicReader(exporter, metric.WithProducer(otel.NewProducer(otel.Config{Source: app})))
//	provider := metric.NewMeterProvider(metric.WithReader(reader))
//
// Nothing is counted for it that is not counted anyway. It is a producer of the
// SDK's reader rather than a set of instruments, because those that are observed
// cannot be histograms. The number of series is bounded by route templates, never
// by URLs.
package otel

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/metrics"
	"github.com/echoic-go/echoic/metrics/internal/series"
)

// scope is the name under which everything here appears.
const scope = "github.com/echoic-go/echoic"

// Config is what a [Producer] is made of. Source is required.
type Config struct {
	// Source knows the numbers; an *echoic.App is one.
	Source console.Source
}

// Producer is a metric.Producer. It is safe for concurrent use.
type Producer struct {
	source console.Source
	start  time.Time
}

var _ metric.Producer = (*Producer)(nil)

// NewProducer makes a producer. Panics if cfg.Source is nil.
func NewProducer(cfg Config) *Producer {
	if cfg.Source == nil {
		panic("otel: Config.Source is nil: give an *echoic.App")
	}
	return &Producer{source: cfg.Source, start: time.Now()}
}

// Produce implements metric.Producer. All sums are cumulative since the start of the
// application.
func (p *Producer) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	o, err := p.source.Overview(ctx)
	if err != nil {
		return nil, fmt.Errorf("otel: %w", err)
	}
	a, err := p.source.Activity(ctx)
	if err != nil {
		return nil, fmt.Errorf("otel: %w", err)
	}
	start := o.Started
	if start.IsZero() {
		start = p.start
	}
	s := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: scope, Version: o.Version}}
	for _, f := range series.Of(o, a) {
		if len(f.Points) > 0 {
			s.Metrics = append(s.Metrics, metricdata.Metrics{
				Name: "echoic." + f.Name, Description: f.Help, Unit: f.Unit, Data: dataOf(f, start, o.Time),
			})
		}
	}
	return []metricdata.ScopeMetrics{s}, nil
}

// dataOf turns a family into what the SDK exports.
func dataOf(f series.Family, start, now time.Time) metricdata.Aggregation {
	if f.Kind == series.Histogram {
		h := metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality}
		for _, p := range f.Points {
			h.DataPoints = append(h.DataPoints, metricdata.HistogramDataPoint[float64]{
				Attributes: attributesOf(f, p), StartTime: start, Time: now,
				Count: p.Latency.Count, Sum: p.Latency.Sum.Seconds(), Bounds: bounds(), BucketCounts: p.Latency.Counts[:],
			})
		}
		return h
	}
	points := make([]metricdata.DataPoint[float64], 0, len(f.Points))
	for _, p := range f.Points {
		points = append(points, metricdata.DataPoint[float64]{Attributes: attributesOf(f, p), StartTime: start, Time: now, Value: p.Value})
	}
	if f.Kind == series.Counter {
		return metricdata.Sum[float64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
	}
	return metricdata.Gauge[float64]{DataPoints: points}
}

func bounds() []float64 {
	list := make([]float64, metrics.Buckets-1)
	for i := range list {
		list[i] = metrics.Bound(i).Seconds()
	}
	return list
}

func attributesOf(f series.Family, p series.Point) attribute.Set {
	list := make([]attribute.KeyValue, len(p.Values))
	for i, value := range p.Values {
		list[i] = attribute.String(f.Labels[i], strings.ToValidUTF8(value, "\uFFFD"))
	}
	return attribute.NewSet(list...)
}
