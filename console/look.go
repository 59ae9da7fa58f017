package console

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// The handlers of what only looks.

// overviewData is what the overview shows.
type overviewData struct {
	frame
	View     Overview
	Problems []problem
	Tiles    []tile
	Charts   []chart
}

// problem is something that an operator should know of.
type problem struct{ Level, Text string }

// tile is one figure.
type tile struct{ Name, Value, Note string }

// overviewView takes the last overview, or asks if that is old.
func (c *Console) overviewView(r *http.Request) (overviewData, error) {
	list, last := c.history.samples()
	now := c.cfg.Now()
	if last == nil || now.Sub(last.Time) > 2*c.cfg.Interval {
		o, err := c.cfg.Source.Overview(r.Context())
		if err != nil {
			return overviewData{}, err
		}
		last = &o
		c.history.show(o)
	}
	return overviewData{
		frame: c.frameOf(r, "overview.html"), View: *last, Problems: problemsOf(*last), Tiles: tilesOf(*last, list),
		Charts: charts(list, last.Time, c.cfg.History),
	}, nil
}

func (c *Console) overview(w http.ResponseWriter, r *http.Request) error {
	v, err := c.overviewView(r)
	if err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "overview.html", v)
}

// problemsOf says what is not as it should be.
func problemsOf(o Overview) (list []problem) {
	add := func(level, text string) { list = append(list, problem{level, text}) }
	if o.Breaker != nil && o.Breaker.State != "closed" {
		add("bad", "The primary store is away: the breaker is "+o.Breaker.State+", and the fallback is in charge.")
	}
	if o.Breaker != nil && o.Breaker.PeersDegraded {
		add("warn", "Another server lives on its fallback.")
	}
	for _, s := range o.Stores {
		if !s.OK {
			add("bad", "The "+s.Role+" store ("+s.Kind+") does not answer: "+s.Problem)
		}
		if s.MaxBytes > 0 && s.Policy == "noeviction" && s.Bytes > s.MaxBytes*9/10 {
			add("warn", "The "+s.Role+" store is nearly full, and its policy is noeviction: soon it takes nothing more.")
		}
	}
	if o.Near != nil && !o.Near.Verified {
		add("warn", "What this process holds is not verified: changes by others do not arrive.")
	}
	if !o.Journal.Alive {
		add("bad", "Invalidations do not arrive: the journal has not answered for "+long(o.Journal.Silence)+".")
	}
	if o.Journal.Problem != "" {
		add("warn", "The journal: "+o.Journal.Problem)
	}
	for _, w := range o.Warnings {
		add("note", w)
	}
	return list
}

// tilesOf are the figures on top.
func tilesOf(o Overview, list []sample) []tile {
	current, requests := "–", "–"
	if len(list) > 0 {
		last := list[len(list)-1]
		if rate, ok := last.hitRate(); ok {
			current = percent(rate)
		}
		requests = decimal(float64(last.requests()) / max(last.span.Seconds(), 0.001))
	}
	tiles := []tile{
		{"Hit rate", current, percent(o.Pages.HitRate()) + " since the start"},
		{"Requests a second", requests, grouped(o.Pages.Requests) + " since the start"},
		{"Handler", span2(o.Pages.Handler.P50), "95 % within " + span2(o.Pages.Handler.P95)},
		{"A hit", span2(o.Pages.Hit.P50), "95 % within " + span2(o.Pages.Hit.P95)},
	}
	if o.Journal.Durable {
		tiles = append(tiles, tile{"Invalidation lag", span2(o.Journal.Delay.P50), "95 % within " + span2(o.Journal.Delay.P95)})
	}
	if s := o.Count; s != nil {
		text := grouped(uint64(max(s.Sessions, 0)))
		note := "counted"
		switch {
		case s.Estimate:
			text, note = "≈ "+text, "an estimate, from a sample of the keys"
		case s.AtLeast:
			text, note = "≥ "+text, "the count gave up"
		}
		tiles = append(tiles, tile{"Sessions", text, note})
	}
	return tiles
}

// usualDecisions is how many are shown to who does not ask for all.
const usualDecisions = 40

func (c *Console) routes(w http.ResponseWriter, r *http.Request) error {
	activity, err := c.cfg.Source.Activity(r.Context())
	if err != nil {
		return err
	}
	wanted := r.URL.Query().Get("reason")
	if wanted != "" {
		activity.Recent = slices.DeleteFunc(activity.Recent, func(d Decision) bool { return d.Reason != wanted && d.Kept != wanted })
	}
	more := 0
	if wanted == "" && r.URL.Query().Get("all") == "" {
		more = max(len(activity.Recent)-usualDecisions, 0)
		activity.Recent = activity.Recent[:len(activity.Recent)-more]
	}
	return c.render(w, r, http.StatusOK, "routes.html", struct {
		Activity
		Wanted string
		More   int
	}{activity, wanted, more})
}

// keysView is the page of keys.
type keysView struct {
	Query string
	Found *Found
	Tops  []ranking
}

// ranking is one list of what came up most.
type ranking struct {
	ID, Title, Note, Empty string
	List                   []Rank
	Micros                 bool // weights are microseconds, else a number
	Search                 bool // names can be searched for
}

// mostTop is how long a ranking is.
const mostTop = 20

func rankings(a Activity) []ranking {
	return []ranking{
		{"hits", "Pages: most hits", "By answers from the store, an estimate from one hit in 64.", "No hit was sampled yet.", first(a.Hits, mostTop), false, true},
		{"cost", "Pages: most costly", "By all the time that their handlers took.", "No handler has run yet.", first(a.Cost, mostTop), true, true},
		{"values", "Values: most hits", "By reads that found one, an estimate from one in 64.", "No hit was sampled yet.", first(a.Values, mostTop), false, true},
		{"value-cost", "Values: most costly", "By all the time that their loaders took.", "No loader has run yet.", first(a.ValueCost, mostTop), true, true},
		{"fragments", "Fragments: most hits", "By how often they were found, an estimate from one in 64.", "No hit was sampled yet.", first(a.Fragments, mostTop), false, false},
		{"fragment-cost", "Fragments: most costly", "By all the time that rendering them took.", "None was rendered yet.", first(a.FragmentCost, mostTop), true, false},
	}
}

func (c *Console) keys(w http.ResponseWriter, r *http.Request) error {
	activity, err := c.cfg.Source.Activity(r.Context())
	if err != nil {
		return err
	}
	v := keysView{Query: strings.TrimSpace(r.URL.Query().Get("q")), Tops: rankings(activity)}
	if inspector, ok := c.cfg.Source.(Inspector); ok && v.Query != "" {
		found, err := inspector.Search(r.Context(), Query{Text: v.Query})
		if err != nil {
			return err
		}
		v.Found = &found
	}
	return c.render(w, r, http.StatusOK, "keys.html", v)
}

func first(list []Rank, n int) []Rank { return list[:min(n, len(list))] }

func (c *Console) entry(w http.ResponseWriter, r *http.Request) error {
	inspector, ok := c.cfg.Source.(Inspector)
	key := r.URL.Query().Get("key")
	if !ok || key == "" {
		return &statusError{http.StatusNotFound, "There is nothing to be inspected."}
	}
	e, found, err := inspector.Inspect(r.Context(), key)
	if err != nil {
		return err
	}
	if !found {
		return &statusError{http.StatusNotFound, "Nothing is stored under this key any more."}
	}
	return c.render(w, r, http.StatusOK, "entry.html", e)
}

func (c *Console) tags(w http.ResponseWriter, r *http.Request) error {
	activity, err := c.cfg.Source.Activity(r.Context())
	if err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "tags.html", activity.Tags)
}

// explainView is the page that explains.
type explainView struct {
	Question
	Answer *Explanation
}

// Methods are those that can be asked about.
func (explainView) Methods() []string { return []string{"GET", "HEAD", "POST", "PUT", "DELETE"} }

func (c *Console) explain(w http.ResponseWriter, r *http.Request) error {
	explainer, ok := c.cfg.Source.(Explainer)
	if !ok {
		return &statusError{http.StatusNotFound, "This source explains nothing."}
	}
	query := r.URL.Query()
	v := explainView{Question: Question{URL: strings.TrimSpace(query.Get("url")), Method: query.Get("method")}}
	if v.URL == "" {
		return c.render(w, r, http.StatusOK, "explain.html", v)
	}
	answer, err := explainer.Explain(r.Context(), v.Question)
	if err != nil {
		return err
	}
	v.Answer = &answer
	return c.render(w, r, http.StatusOK, "explain.html", v)
}

// sessionsView is the page of one user's sessions.
type sessionsView struct {
	Count    *SessionCount
	Asked    bool
	User     string
	Sessions []UserSession
	Now      time.Time
}

func (c *Console) sessions(w http.ResponseWriter, r *http.Request) error {
	o, err := c.cfg.Source.Overview(r.Context())
	if err != nil {
		return err
	}
	v := sessionsView{Count: o.Count, User: strings.TrimSpace(r.URL.Query().Get("user")), Now: c.cfg.Now()}
	if admin, ok := c.cfg.Source.(Sessions); ok && v.User != "" {
		v.Asked = true
		if v.Sessions, err = admin.UserSessions(r.Context(), v.User); err != nil {
			return err
		}
	}
	return c.render(w, r, http.StatusOK, "sessions.html", v)
}
