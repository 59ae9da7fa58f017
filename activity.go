package echoic

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/metrics"
	"github.com/echoic-go/echoic/pagecache"
)

const (
	mostRanks   = 50 // URLs and tags in Activity
	mostReasons = 5  // a route
)

// Activity returns what this server did since it was opened, and its last
// decisions. They name URLs of visitors: show them to operators only.
func (a *App) Activity(context.Context) (console.Activity, error) {
	stats, tops := a.Pages.Stats(), a.Pages.Tops(mostRanks)
	activity := console.Activity{Hits: ranksOf(tops.Hits), Cost: ranksOf(tops.Cost), Tags: ranksOf(tops.Tags)}
	values, fragments := a.Cache.Tops(mostRanks), a.Fragments.Tops(mostRanks)
	activity.Values, activity.ValueCost = ranksOf(values.Hits), ranksOf(values.Cost)
	activity.Fragments, activity.FragmentCost = ranksOf(fragments.Hits), ranksOf(fragments.Cost)
	for _, r := range stats.Routes {
		activity.Routes = append(activity.Routes, routeOf(r))
	}
	for _, d := range a.Pages.Recent() {
		activity.Recent = append(activity.Recent, decisionOf(d))
	}
	return activity, nil
}

func ranksOf(list []metrics.Heavy) []console.Rank {
	ranks := make([]console.Rank, len(list))
	for i, h := range list {
		ranks[i] = console.Rank(h)
	}
	return ranks
}

func routeOf(r pagecache.RouteStats) console.Route {
	route := console.Route{
		Template: r.Route, Requests: r.Requests(), Handler: console.LatencyOf(r.Handler),
		Hits: r.Outcomes[pagecache.OutcomeHit], Stale: r.Outcomes[pagecache.OutcomeStale], Collapsed: r.Outcomes[pagecache.OutcomeCollapsed],
		Misses: r.Outcomes[pagecache.OutcomeMiss], Bypassed: r.Outcomes[pagecache.OutcomeBypass], Refreshes: r.Outcomes[pagecache.OutcomeRefresh],
		Why:  most(r.Reasons, func(why pagecache.Reason) bool { return why != pagecache.ReasonHit }),
		Kept: most(r.Kept, func(why pagecache.Reason) bool { return why != pagecache.ReasonStored }),
	}
	return route
}

// most returns the most frequent of the reasons that count.
func most(reasons map[pagecache.Reason]uint64, counts func(pagecache.Reason) bool) []console.Rank {
	list := []console.Rank{}
	for why, n := range reasons {
		if counts(why) {
			list = append(list, console.Rank{Name: string(why), Weight: n})
		}
	}
	slices.SortFunc(list, func(a, b console.Rank) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), strings.Compare(a.Name, b.Name))
	})
	return list[:min(len(list), mostReasons)]
}

func decisionOf(d pagecache.Decision) console.Decision {
	url := d.Host + d.Path
	if d.Query != "" {
		url += "?" + d.Query
	}
	return console.Decision{
		Time: d.Time, Method: d.Method, URL: url, Route: d.Route, Reason: string(d.Reason), Kept: string(d.Kept),
		Status: d.Status, Age: d.Age, Tier: d.Tier, Details: detailsOf(d.Details),
	}
}

func detailsOf(d *pagecache.Details) *console.Details {
	if d == nil {
		return nil
	}
	return &console.Details{Key: factsOf(d.Key), Tags: d.Tags, Life: d.Life, LifeFrom: d.LifeFrom, Code: d.Code}
}

func factsOf(parts []pagecache.KeyPart) []console.Fact {
	facts := make([]console.Fact, len(parts))
	for i, part := range parts {
		facts[i] = console.Fact(part)
	}
	return facts
}
