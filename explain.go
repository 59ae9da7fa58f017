package echoic

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/pagecache"
)

// mostSimilar is how many decisions about a URL an explanation shows.
const mostSimilar = 10

// Explain says what is stored for a URL, whether it would be served, and what was
// decided about such requests lately. It runs no handler and changes nothing.
func (a *App) Explain(ctx context.Context, q console.Question) (console.Explanation, error) {
	x := console.Explanation{Question: q}
	if x.Method == "" {
		x.Method = http.MethodGet
	}
	u, err := url.Parse(q.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return x, &console.TargetError{Reason: "give the URL with scheme and host, as in http://example.org/path"}
	}
	for _, d := range a.Pages.Recent() {
		if len(x.Recent) < mostSimilar && d.Host == u.Host && d.Path == u.Path && d.Query == u.RawQuery {
			x.Recent = append(x.Recent, decisionOf(d))
		}
	}
	parts, err := a.Pages.URLParts(x.URL)
	if err != nil {
		return x, targetError(err)
	}
	x.Key = factsOf(parts)
	for _, d := range x.Recent {
		if d.Details != nil && len(d.Details.Key) > 0 {
			x.Key = d.Details.Key
			break
		}
	}
	read := x.Method == http.MethodGet || x.Method == http.MethodHead
	x.Steps = append(x.Steps, console.Step{Name: "method", OK: read, Detail: x.Method})
	if !read {
		x.Reason, x.Verdict = string(pagecache.ReasonMethod), "Only GET and HEAD are looked up; the handler runs."
		return x, nil
	}
	if err := a.explainStored(ctx, &x); err != nil {
		return x, targetError(err)
	}
	if len(x.Recent) > 0 {
		last := x.Recent[0]
		if last.Details != nil {
			x.Code = last.Details.Code
		}
		x.Steps = append(x.Steps, console.Step{Name: "last request", OK: last.Kept == "" || last.Kept == string(pagecache.ReasonStored), Detail: decided(last)})
	}
	return x, nil
}

// decided is what was done with one request, in a line.
func decided(d console.Decision) string {
	text := d.Reason
	if d.Kept != "" {
		text += ", then " + d.Kept
	}
	return fmt.Sprintf("%s (%s)", text, d.Tier)
}

// explainStored looks at what is stored.
func (a *App) explainStored(ctx context.Context, x *console.Explanation) error {
	physical, err := a.Pages.Locate(ctx, x.URL)
	if err != nil {
		return err
	}
	e, found, err := a.Inspect(ctx, physical)
	if err != nil {
		return err
	}
	step := func(name string, ok bool, detail string) {
		x.Steps = append(x.Steps, console.Step{Name: name, OK: ok, Detail: detail})
	}
	step("stored", found, physical)
	if !found {
		x.Reason = string(pagecache.ReasonNotFound)
		x.Verdict = "Nothing is stored for the URL as such; the handler runs. A route that varies by cookies or declared headers has other keys."
		if len(x.Recent) > 0 && x.Recent[0].Kept != "" && x.Recent[0].Kept != string(pagecache.ReasonStored) {
			x.Verdict = "Nothing is stored: the last answer could not be kept (" + x.Recent[0].Kept + ")."
		}
		return nil
	}
	step("current", e.Current, e.Why)
	facts := map[string]string{}
	for _, f := range e.Facts {
		facts[f.Name] = f.Value
	}
	x.Tier, x.Tags = a.tierOf(ctx, x.URL), e.Tags
	if len(e.Tags) > 0 {
		step("tags", e.Why != "purged by tag", strings.Join(e.Tags, ", "))
	}
	if n, ok := facts["variants"]; ok {
		step("variants", true, n+" by "+facts["by request headers"])
		x.Reason, x.Verdict = string(pagecache.ReasonVaryMiss), "Several variants are stored; request headers or values of the session choose one."
		return nil
	}
	a.explainAge(ctx, x, physical, e)
	return nil
}

// tierOf is where something stored for a URL is nearest.
func (a *App) tierOf(ctx context.Context, rawURL string) string {
	switch {
	case a.Plan.Cache == Memory:
		return "memory"
	case a.Pages.Holds(ctx, rawURL):
		return "near"
	}
	return "store"
}

// explainAge says whether one stored answer would be served.
func (a *App) explainAge(ctx context.Context, x *console.Explanation, physical string, e console.Entry) {
	i, _, err := a.Cache.Inspect(ctx, physical)
	d, ok := pagecache.Describe(i, time.Now())
	if err != nil || !ok || !e.Current {
		x.Reason, x.Verdict = string(pagecache.ReasonNotFound), "What is stored is not valid any more ("+e.Why+"); the handler runs."
		return
	}
	gone, softly := a.Pages.Outdated(x.URL, i)
	if gone {
		x.Steps = append(x.Steps, console.Step{Name: "not purged", Detail: "its URL was changed or purged since"})
		x.Reason, x.Verdict = string(pagecache.ReasonNotFound), "Its URL was changed or purged since it was stored; the handler runs."
		return
	}
	fresh := d.Age < d.Life && !softly
	x.Age, x.Life, x.LifeFrom = d.Age, d.Life, d.LifeFrom
	for _, recent := range x.Recent { // they know the route
		if recent.Details != nil && recent.Details.Life == d.Life && recent.Details.LifeFrom != "" {
			x.LifeFrom = recent.Details.LifeFrom
			break
		}
	}
	x.Steps = append(x.Steps, console.Step{Name: "fresh", OK: fresh, Detail: fmt.Sprintf("%v old, fresh for %v by %s", d.Age.Round(1e6), d.Life, x.LifeFrom)})
	x.Reason, x.Verdict = string(pagecache.ReasonHit), "It is served from the store."
	if !fresh {
		x.Reason, x.Verdict = string(pagecache.ReasonStale), "It is stale: it may be served while it is made anew, or when the handler fails; else the handler runs."
	}
}

var _ interface {
	console.Source
	console.Inspector
	console.Purger
	console.Explainer
} = (*App)(nil)
