package fragment_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

// row is a thing that knows its identity.
type row struct {
	ID, Version int
	Text        string
	Hidden      bool
	keyed       *atomic.Int64
}

func (r *row) CacheKey() string {
	r.keyed.Add(1)
	return fmt.Sprintf("row/%d/%d", r.ID, r.Version)
}

func rows(n int) []*row {
	keyed := new(atomic.Int64)
	all := make([]*row, n)
	for i := range all {
		all[i] = &row{ID: i, Text: fmt.Sprint("text ", i), keyed: keyed}
	}
	return all
}

// counting counts the trips to a store.
type counting struct {
	bytesOnly
	trips, keys atomic.Int64 // of lookups of fragments
	fails       atomic.Bool
}

func (c *counting) Get(ctx context.Context, key string) ([]byte, bool, error) {
	c.count(key)
	if c.fails.Load() {
		return nil, false, errDown
	}
	return c.bytesOnly.Store.Get(ctx, key)
}

func (c *counting) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	c.count(keys...)
	if c.fails.Load() {
		return nil, errDown
	}
	return c.bytesOnly.GetMany(ctx, keys)
}

func (c *counting) count(keys ...string) {
	fragments := int64(0)
	for _, key := range keys {
		if strings.Contains(key, ":f:") {
			fragments++
		}
	}
	if fragments > 0 {
		c.trips.Add(1)
		c.keys.Add(fragments)
	}
}

// counted makes a site whose trips are counted.
func counted(t *testing.T, src string) (*site, *counting) {
	t.Helper()
	c := &counting{}
	return newSite(t, src, withStore(func(s cache.Store) cache.Store {
		c.bytesOnly = asBytes(s).(bytesOnly)
		return c
	})), c
}

func TestLoopsLookAhead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		src   string
		ahead bool
	}{
		"dot":                   {`{{range .Rows}}<p>{{if cache "r" "1h" .}}{{hit}}{{.Text}}{{end}}</p>{{end}}`, true},
		"fields":                {`{{range .Rows}}{{if cache "r" "1h" .ID .Version}}{{hit}}{{.Text}}{{end}}{{end}}`, true},
		"variables":             {`{{$l := .Lang}}{{range $i, $r := .Rows}}{{if cache "r" "1h" $r $i $l $.Lang}}{{hit}}{{$r.Text}}{{end}}{{end}}`, true},
		"computed ttl":          {`{{$t := "1h"}}{{range .Rows}}{{if cache "r" $t .}}{{hit}}{{.Text}}{{end}}{{end}}`, true},
		"a harmless function":   {`{{range .Rows}}{{if cache "r" "1h" (printf "%d-%d" .ID .Version)}}{{hit}}{{.Text}}{{end}}{{end}}`, true},
		"condition":             {`{{range .Rows}}{{if cacheIf (not .Hidden) "r" "1h" .}}{{hit}}{{.Text}}{{end}}{{end}}`, true},
		"template":              {`{{define "r"}}<b>{{if cache "r" "1h" .}}{{hit}}{{.Text}}{{end}}</b>{{end}}{{range .Rows}}{{template "r" .}}{{end}}`, true},
		"template in one":       {`{{define "r"}}{{if cache "r" "1h" .}}{{hit}}{{.Text}}{{end}}{{end}}{{define "q"}}{{template "r" .}}{{end}}{{range .Rows}}{{template "q" .}}{{end}}`, true},
		"partial":               {`{{define "r"}}{{hit}}{{.Text}}{{end}}{{range .Rows}}{{partialCached "r" . "1h" .ID}}{{end}}`, true},
		"partial in attributes": {`{{define "r"}}{{hit}}{{.Text}}{{end}}{{range .Rows}}<a title="{{partialCached "r" . "1h" .ID}}">{{end}}`, true},
		"range in an attribute": {`{{define "r"}}{{hit}}{{.Text}}{{end}}<a title="{{range .Rows}}{{partialCached "r" . "1h" .ID}}{{end}}">`, true},
		"range in a fragment":   {`{{if cache "all" "0s"}}{{range .Rows}}{{if cache "r" "1h" .}}{{hit}}{{.Text}}{{end}}{{end}}{{end}}`, true},
		"with an else":          {`{{range .Rows}}{{if cache "r" "1h" .}}{{hit}}{{.Text}}{{end}}{{else}}none{{end}}`, true},
		"function":              {`{{range .Rows}}{{if cache "r" "1h" (id .ID)}}{{hit}}{{.Text}}{{end}}{{end}}`, false},
		"variable of the body":  {`{{range .Rows}}{{$v := .ID}}{{if cache "r" "1h" $v}}{{hit}}{{.Text}}{{end}}{{end}}`, false},
		"break":                 {`{{range .Rows}}{{if cache "r" "1h" .}}{{hit}}{{.Text}}{{end}}{{if .Hidden}}{{break}}{{end}}{{end}}`, false},
		"not in every turn":     {`{{range .Rows}}{{if not .Hidden}}{{if cache "r" "1h" .}}{{hit}}{{.Text}}{{end}}{{end}}{{end}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 100
			s, store := counted(t, "")
			s.funcs["id"] = func(n int) int { return n }
			var err error
			s.r, err = fragment.NewRenderer(fragment.RendererConfig{Fragments: s.frags}, s.parse(c.src))
			must(t, err)
			plain, err := fragment.NewRenderer(fragment.RendererConfig{}, s.parse(c.src))
			must(t, err)
			data := map[string]any{"Rows": rows(n), "Lang": "en"}
			var want strings.Builder
			must(t, plain.Render(t.Context(), &want, "root", data))
			s.hits.Store(0)
			equal(t, "cold page", s.get("root", data), want.String())
			equal(t, "bodies run", s.hits.Load(), n)
			store.trips.Store(0)
			store.keys.Store(0)
			equal(t, "hot page", s.get("root", data), want.String())
			equal(t, "bodies run", s.hits.Load(), n)
			equal(t, "keys asked for", store.keys.Load(), n)
			equal(t, "one trip", store.trips.Load() == 1, c.ahead)
		})
	}
}

func TestLoopOnRedisIsOneTrip(t *testing.T) {
	t.Parallel()
	a, b := twoServers(t, "build", "build")
	const src = `{{define "p"}}<table>{{range .}}<tr>{{if cache "row" "1h" .}}{{hit}}{{tag (printf "row:%d" .ID)}}<td>{{.Text}}</td>{{end}}</tr>{{end}}</table>{{end}}`
	for _, s := range []*site{a, b} {
		var err error
		s.r, err = fragment.NewRenderer(fragment.RendererConfig{Fragments: s.frags}, s.parse(src))
		must(t, err)
	}
	all := rows(100)
	first := a.get("p", all)
	equal(t, "bodies run", a.hits.Load(), 100)
	equal(t, "the other server", b.get("p", all), first)
	equal(t, "bodies run there", b.hits.Load(), 0)
	equal(t, "hits there", b.frags.Stats().Hits, 100)

	must(t, a.cache.Purge(t.Context(), "row:7"))
	all[8].Version++
	b.get("p", all)
	equal(t, "of the purged and of the changed row", b.hits.Load(), 2)
	a.get("p", all)
	equal(t, "shared again", a.hits.Load(), 100)
}

func TestLoopWithManyForms(t *testing.T) {
	t.Parallel()
	s, store := counted(t, `{{define "p"}}{{range .}}{{if cache "r" "1h" .}}{{hit}}[{{.}}]{{end}}{{else}}none{{end}}{{end}}`)
	array := [3]int{1, 2, 3}
	seq := func(yield func(int) bool) { _ = yield(1) && yield(2) }
	for _, c := range []struct {
		data any
		want string
	}{
		{[]int{1, 2, 3}, "[1][2][3]"}, {array, "[1][2][3]"}, {&array, "[1][2][3]"}, {map[string]int{"a": 1, "b": 2}, "[1][2]"},
		{seq, "[1][2]"}, {3, "[0][1][2]"}, {[]int{}, "none"}, {nil, "none"}, {map[string]int(nil), "none"},
		{[]int{2, 2, 9, 9}, "[2][2][9][9]"}, {[]any{"x", "y"}, "[x][y]"},
	} {
		for range 2 {
			equal(t, fmt.Sprintf("%T", c.data), s.get("p", c.data), c.want)
		}
	}
	equal(t, "bodies run", s.hits.Load(), 7)
	store.trips.Store(0)
	s.get("p", make([]int, 1))
	equal(t, "one item", store.trips.Load(), 1)
	if err := s.r.Render(t.Context(), new(strings.Builder), "p", 1.5); err == nil || !strings.Contains(err.Error(), "range can't iterate") {
		t.Errorf("got %v", err)
	}
}

// An argument without identity is reported where it stands, not ahead.
func TestLoopReportsWhereItStands(t *testing.T) {
	t.Parallel()
	s, _ := counted(t, `{{define "p"}}{{range .}}{{if cache "r" "1h" .}}x{{end}}{{end}}{{end}}`)
	err := s.r.Render(t.Context(), new(strings.Builder), "p", []*int{new(int), new(int)})
	var vary *fragment.VaryError
	if !errors.As(err, &vary) || !strings.Contains(err.Error(), "root:1:") {
		t.Fatalf("got %v", err)
	}
}

func TestLoopWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	s, store := counted(t, `{{define "p"}}{{range .}}{{if cache "r" "1h" .}}{{hit}}[{{.}}]{{end}}{{end}}{{end}}`)
	store.fails.Store(true)
	equal(t, "page", s.get("p", []int{1, 2, 3}), "[1][2][3]")
	equal(t, "bodies run", s.hits.Load(), 3)
	equal(t, "trips in vain", store.trips.Load(), 1)
	store.fails.Store(false)
	for range 2 {
		equal(t, "page", s.get("p", []int{1, 2, 3}), "[1][2][3]")
	}
}

func TestEach(t *testing.T) {
	t.Parallel()
	s, store := counted(t, "")
	all := rows(100)
	write := func() string {
		var b strings.Builder
		must(t, fragment.Each(t.Context(), s.frags, &b, "row", time.Hour, all, nil, func(_ context.Context, w io.Writer, r *row) error {
			s.hits.Add(1)
			_, err := fmt.Fprintf(w, "(%s)", r.Text)
			return err
		}))
		return b.String()
	}
	first := write()
	equal(t, "begins", first[:10], "(text 0)(t")
	equal(t, "bodies run", s.hits.Load(), 100)
	store.trips.Store(0)
	equal(t, "again", write(), first)
	equal(t, "bodies run", s.hits.Load(), 100)
	equal(t, "trips", store.trips.Load(), 1)
	must(t, s.frags.Invalidate(t.Context(), "row", all[3]))
	equal(t, "again", write(), first)
	equal(t, "the one that was invalidated", s.hits.Load(), 101)
}
