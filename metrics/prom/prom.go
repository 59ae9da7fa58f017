// Package prom gives Prometheus the numbers of an application.
//
//	registry.MustRegister(prom.NewCollector(prom.Config{Source: app}))
//
// Nothing is counted for it that is not counted anyway, and nothing runs between
// scrapes. The number of series is bounded by route templates, never by URLs.
package prom

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/metrics"
	"github.com/echoic-go/echoic/metrics/internal/series"
)

// Config is what a [Collector] is made of. Only Source is required.
type Config struct {
	// Source knows the numbers; an *echoic.App is one.
	Source console.Source
	// Timeout bounds asking it. Defaults to 2 s.
	Timeout time.Duration
	// Labels are added to all series: the name of the application, for example.
	Labels prometheus.Labels
	// Logger gets failures. Defaults to discarding.
	Logger *slog.Logger
}

// Collector is a prometheus.Collector. It is safe for concurrent use.
type Collector struct {
	cfg   Config
	descs map[string]*prometheus.Desc
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector makes a collector. Panics if cfg.Source is nil.
func NewCollector(cfg Config) *Collector {
	if cfg.Source == nil {
		panic("prom: Config.Source is nil: give an *echoic.App")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Collector{cfg: cfg, descs: map[string]*prometheus.Desc{}}
	for _, f := range series.Of(console.Overview{}, console.Activity{}) {
		c.descs[f.Name] = prometheus.NewDesc(nameOf(f), f.Help, f.Labels, cfg.Labels)
	}
	return c
}

// Handler serves the numbers, and nothing else, to Prometheus. Panics if cfg.Source is
// nil. Do not show it to the public.
func Handler(cfg Config) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(NewCollector(cfg))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// nameOf writes a name as Prometheus' conventions have it: with unit and _total.
func nameOf(f series.Family) string {
	name := "echoic_" + strings.ReplaceAll(f.Name, ".", "_")
	switch f.Unit {
	case series.Seconds:
		name += "_seconds"
	case series.Bytes:
		name += "_bytes"
	}
	if f.Kind == series.Counter {
		name += "_total"
	}
	return name
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.Timeout)
	defer cancel()
	o, err := c.cfg.Source.Overview(ctx)
	var a console.Activity
	if err == nil {
		a, err = c.cfg.Source.Activity(ctx)
	}
	if err != nil {
		c.cfg.Logger.Error("prom: no numbers", "error", err)
		to <- prometheus.NewInvalidMetric(prometheus.NewDesc("echoic_failed", "The numbers could not be had.", nil, c.cfg.Labels), err)
		return
	}
	for _, f := range series.Of(o, a) {
		for _, p := range f.Points {
			to <- metricOf(c.descs[f.Name], f.Kind, p)
		}
	}
}

func metricOf(d *prometheus.Desc, kind series.Kind, p series.Point) prometheus.Metric {
	values := make([]string, len(p.Values))
	for i, v := range p.Values {
		values[i] = strings.ToValidUTF8(v, "\uFFFD")
	}
	var m prometheus.Metric
	var err error
	switch kind {
	case series.Histogram:
		buckets := make(map[float64]uint64, metrics.Buckets)
		var sum uint64
		for i := range metrics.Buckets - 1 { // the last is +Inf, which is the count
			sum += p.Latency.Counts[i]
			buckets[metrics.Bound(i).Seconds()] = sum
		}
		m, err = prometheus.NewConstHistogram(d, p.Latency.Count, p.Latency.Sum.Seconds(), buckets, values...)
	case series.Counter:
		m, err = prometheus.NewConstMetric(d, prometheus.CounterValue, p.Value, values...)
	default:
		m, err = prometheus.NewConstMetric(d, prometheus.GaugeValue, p.Value, values...)
	}
	if err != nil {
		return prometheus.NewInvalidMetric(d, err)
	}
	return m
}
