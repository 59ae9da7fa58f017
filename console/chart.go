package console

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

// chart is drawn on the server: paths in a box of chartWidth by chartHeight that
// the style sheet stretches. Labels are HTML beside it, so that they stay readable
// on a small screen.
type chart struct {
	Title   string
	Summary string // in words, for those who do not see it
	Now     string
	Legend  []series
	Top     string // label of the upper end of the axis
	Bottom  string
	From    string // label of the left end
	SVG     template.HTML
	Empty   bool
}

// series is a line of the legend.
type series struct{ Class, Name, Now string }

const (
	chartWidth  = 600
	chartHeight = 160
)

// plot is where values are: x by time, y upwards from 0 to 1.
type plot struct {
	begin, end time.Time
	b          strings.Builder
}

func newPlot(list []sample, now time.Time, span time.Duration) *plot {
	p := &plot{begin: now.Add(-span), end: now}
	if len(list) > 0 && list[0].at.After(p.begin) { // a young process fills the width
		p.begin = list[0].at.Add(-list[0].span)
	}
	if p.end.Sub(p.begin) <= 0 {
		p.end = p.begin.Add(time.Second)
	}
	return p
}

func (p *plot) x(at time.Time) float64 {
	part := float64(at.Sub(p.begin)) / float64(p.end.Sub(p.begin))
	return math.Min(math.Max(part, 0), 1) * chartWidth
}

func y(part float64) float64 { return chartHeight - math.Min(math.Max(part, 0), 1)*(chartHeight-4) - 2 }

// grid draws horizontal rules.
func (p *plot) grid(parts ...float64) {
	for _, part := range parts {
		fmt.Fprintf(&p.b, `<path class="rule" d="M0 %.1fH%d"/>`, y(part), chartWidth)
	}
}

// line draws the values that are there; a gap where one is not.
func (p *plot) line(class string, list []sample, value func(sample) (float64, bool)) {
	var d strings.Builder
	pen := 'M'
	for _, s := range list {
		v, ok := value(s)
		if !ok {
			pen = 'M'
			continue
		}
		fmt.Fprintf(&d, "%c%.1f %.1f", pen, p.x(s.at), y(v))
		if pen == 'M' { // a point alone is seen, too
			fmt.Fprintf(&d, "h.01")
		}
		pen = 'L'
	}
	fmt.Fprintf(&p.b, `<path class="line %s" d="%s"/>`, class, d.String())
}

// band draws the area between two heights.
func (p *plot) band(class string, list []sample, low, high func(sample) float64) {
	if len(list) == 0 {
		return
	}
	var d strings.Builder
	for i, s := range list {
		fmt.Fprintf(&d, "%c%.1f %.1f", "ML"[min(i, 1)], p.x(s.at), y(high(s)))
	}
	for i := len(list) - 1; i >= 0; i-- {
		fmt.Fprintf(&d, "L%.1f %.1f", p.x(list[i].at), y(low(list[i])))
	}
	fmt.Fprintf(&p.b, `<path class="band %s" d="%sZ"/>`, class, d.String())
}

// svg is safe: it holds numbers and names of classes from this file only.
func (p *plot) svg() template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="plot" viewBox="0 0 %d %d" preserveAspectRatio="none" aria-hidden="true" focusable="false">%s</svg>`,
		chartWidth, chartHeight, p.b.String()))
}

// charts draws all of them.
func charts(list []sample, now time.Time, span time.Duration) []chart {
	all := []chart{rateChart(list, now, span), trafficChart(list, now, span), latencyChart(list, now, span)}
	for i := range all {
		all[i].Empty = len(list) == 0
		all[i].From = ago(now.Sub(newPlot(list, now, span).begin))
	}
	return all
}

func rateChart(list []sample, now time.Time, span time.Duration) chart {
	c := chart{Title: "Hit rate", Top: "100 %", Bottom: "0", Now: "–"}
	lowest, seen := 1.0, false
	for _, s := range list {
		if rate, ok := s.hitRate(); ok {
			lowest, seen, c.Now = math.Min(lowest, rate), true, percent(rate)
		}
	}
	c.Summary = "No page was looked up yet."
	if seen {
		c.Summary = fmt.Sprintf("Last %s, at its lowest %s.", c.Now, percent(lowest))
	}
	p := newPlot(list, now, span)
	p.grid(0, 0.5, 1)
	p.line("hit", list, sample.hitRate)
	c.SVG = p.svg()
	c.Legend = []series{{"hit", "answered without the handler", ""}}
	return c
}

func trafficChart(list []sample, now time.Time, span time.Duration) chart {
	perSecond := func(s sample, n uint64) float64 { return float64(n) / math.Max(s.span.Seconds(), 0.001) }
	top, current := 0.0, 0.0
	for _, s := range list {
		current = perSecond(s, s.requests())
		top = math.Max(top, current)
	}
	scale := niceTop(top)
	at := func(n func(sample) uint64) func(sample) float64 {
		return func(s sample) float64 { return perSecond(s, n(s)) / scale }
	}
	hits := func(s sample) uint64 { return s.hits }
	shared := func(s sample) uint64 { return s.hits + s.shared }
	looked := func(s sample) uint64 { return s.looked() }
	all := func(s sample) uint64 { return s.requests() }
	none := func(sample) uint64 { return 0 }
	p := newPlot(list, now, span)
	p.grid(0, 0.5, 1)
	p.band("hit", list, at(none), at(hits))
	p.band("shared", list, at(hits), at(shared))
	p.band("miss", list, at(shared), at(looked))
	p.band("bypass", list, at(looked), at(all))
	var last sample
	if len(list) > 0 {
		last = list[len(list)-1]
	}
	rate := func(n uint64) string { return decimal(perSecond(last, n)) }
	return chart{
		Title: "Requests a second", Top: decimal(scale), Bottom: "0", Now: decimal(current), SVG: p.svg(),
		Summary: fmt.Sprintf("Now %s a second, at most %s.", decimal(current), decimal(top)),
		Legend: []series{
			{"hit", "hits", rate(last.hits)}, {"shared", "stale or shared", rate(last.shared)},
			{"miss", "misses", rate(last.misses)}, {"bypass", "bypassed", rate(last.bypassed)},
		},
	}
}

// The latency axis is logarithmic, from 10 µs to 10 s.
const (
	latencyFloor = 10 * time.Microsecond
	latencyTop   = 10 * time.Second
)

func latencyPart(d time.Duration) float64 {
	return math.Log10(float64(max(d, latencyFloor))/float64(latencyFloor)) / math.Log10(float64(latencyTop)/float64(latencyFloor))
}

func latencyChart(list []sample, now time.Time, span time.Duration) chart {
	c := chart{Title: "Latency", Top: "10 s", Bottom: "10 µs", Now: "–"}
	p := newPlot(list, now, span)
	p.grid(0, 1.0/3, 2.0/3, 1)
	c.Summary = "Neither the handler nor a store was asked yet."
	for _, l := range []struct {
		class, name string
		of          func(sample) time.Duration
		count       func(sample) uint64
	}{
		{"miss", "handler, 95 %", func(s sample) time.Duration { return s.handler.Quantile(0.95) }, func(s sample) uint64 { return s.handler.Count }},
		{"hit", "handler, half", func(s sample) time.Duration { return s.handler.Quantile(0.5) }, func(s sample) uint64 { return s.handler.Count }},
		{"bypass", "store, 95 %", func(s sample) time.Duration { return s.store.Quantile(0.95) }, func(s sample) uint64 { return s.store.Count }},
	} {
		current := "–"
		p.line(l.class, list, func(s sample) (float64, bool) {
			if l.count(s) == 0 {
				return 0, false
			}
			current = span2(l.of(s))
			return latencyPart(l.of(s)), true
		})
		c.Legend = append(c.Legend, series{l.class, l.name, current})
	}
	if c.Now = c.Legend[0].Now; c.Now != "–" {
		c.Summary = fmt.Sprintf("Of handlers 95 %% take at most %s.", c.Now)
	}
	if store := c.Legend[2].Now; store != "–" {
		c.Summary = strings.TrimPrefix(c.Summary+fmt.Sprintf(" Of store calls 95 %% take at most %s.", store), "Neither the handler nor a store was asked yet. ")
	}
	c.Summary += " The axis is logarithmic."
	c.SVG = p.svg()
	return c
}

// niceTop is a round number at or above v.
func niceTop(v float64) float64 {
	if v <= 1 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 5, 10} {
		if v <= step*power {
			return step * power
		}
	}
	return 10 * power
}
