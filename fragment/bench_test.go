package fragment_test

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

// shopSource is a realistic set of 20 templates: layout, partials, tables,
// forms, script data. With fragments the sidebar is one.
func shopSource(fragments bool) string {
	var b strings.Builder
	open, end := "", ""
	if fragments {
		open, end = `{{if cache "sidebar" "500s" .User.Name}}`, "{{end}}"
	}
	b.WriteString(`{{define "head"}}<!DOCTYPE html><html lang="{{.Lang}}"><head><meta charset="utf-8"><title>{{.Title}}</title><link rel="stylesheet" href="/css/{{.Theme}}.css"><script>var user={{.User}};</script></head><body class="{{.Theme}}">{{end}}`)
	b.WriteString(`{{define "nav"}}<nav><ul>{{range .Menu}}<li{{if .Active}} class="active"{{end}}><a href="{{.URL}}">{{.Name}}</a></li>{{end}}</ul></nav>{{end}}`)
	b.WriteString(`{{define "sidebar"}}` + open + `<aside>{{range .Side}}<section id="s{{.ID}}"><h3>{{.Name}}</h3><p>{{.Text}}</p><a href="/s/{{.ID}}?q={{.Name}}">more</a></section>{{end}}</aside>` + end + `{{end}}`)
	b.WriteString(`{{define "foot"}}<footer>{{.Title}} &copy; {{.Year}} {{range .Menu}}<a href="{{.URL}}">{{.Name}}</a>{{end}}</footer></body></html>{{end}}`)
	b.WriteString(`{{define "row"}}<tr data-id="{{.ID}}"><td>{{.ID}}</td><td>{{.Name}}</td><td>{{if .Active}}yes{{else}}no{{end}}</td><td>{{printf "%.2f" .Price}}</td><td><a href="/e/{{.ID}}">edit</a></td></tr>{{end}}`)
	for i := range 15 {
		fmt.Fprintf(&b, `{{define "page%d"}}{{template "head" .}}{{template "nav" .}}{{template "sidebar" .}}<main><h1>{{.Title}}</h1>{{with .User}}<p>Hello {{.Name}} ({{.Email}})</p>{{end}}<table>{{range .Rows}}{{template "row" .}}{{end}}</table><form method="post" action="/p/%d"><input name="q" value="{{.Q}}"><select>{{range .Menu}}<option value="{{.URL}}"{{if .Active}} selected{{end}}>{{.Name}}</option>{{end}}</select><button>Save</button></form></main>{{template "foot" .}}{{end}}`, i, i)
	}
	return b.String()
}

type item struct {
	ID              int
	Name, URL, Text string
	Active          bool
	Price           float64
}

type account struct{ Name, Email string }

type shop struct {
	Lang, Title, Theme, Q string
	Year                  int
	User                  account
	Menu, Side, Rows      []item
}

func shopData() *shop {
	p := &shop{Lang: "en", Title: "Orders & more", Theme: "dark", Q: "<q>", Year: 2026, User: account{"ann", "ann@example.org"}}
	for i := range 8 {
		p.Menu = append(p.Menu, item{ID: i, Name: fmt.Sprint("menu ", i), URL: fmt.Sprint("/m/", i), Active: i == 2})
	}
	for i := range 12 {
		p.Side = append(p.Side, item{ID: i, Name: fmt.Sprint("side & ", i), Text: strings.Repeat("lorem <ipsum> ", 6)})
	}
	for i := range 20 {
		p.Rows = append(p.Rows, item{ID: i, Name: fmt.Sprint("row ", i), Active: i%2 == 0, Price: float64(i) * 1.25})
	}
	return p
}

func TestShopPagesAreTheSame(t *testing.T) {
	t.Parallel()
	plain := newSite(t, "").parse(shopSource(false))
	s := newSite(t, shopSource(true))
	for i := range 15 {
		name := fmt.Sprint("page", i)
		var want bytes.Buffer
		must(t, plain.ExecuteTemplate(&want, name, shopData()))
		equal(t, name, s.get(name, shopData()), want.String())
	}
	equal(t, "hits of the sidebar", s.frags.Stats().Hits, 14)
}

// heap is what is in use after collecting.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// It runs alone, since it measures the heap of the whole process.
func TestMemoryOfAnInstance(t *testing.T) {
	s := newSite(t, shopSource(true))
	var pages []string
	for i := range 15 {
		pages = append(pages, fmt.Sprint("page", i))
	}
	const n = 50
	keep := make([]any, n)
	before := heap()
	for i := range keep {
		var err error
		keep[i], err = s.r.Warm(pages...)
		must(t, err)
	}
	each := (heap() - before) / n
	t.Logf("an instance of 20 templates, %d bytes of source, all pages escaped: %d KB", len(shopSource(true)), each/1024)
	for i := range pages { // the same instance, since there is one at a time
		s.get(pages[i], shopData())
	}
	told := s.r.Stats().PerSet[0].InstanceBytes
	t.Logf("Stats says %d KB", told/1024)
	if int64(told) < each/2 || int64(told) > 2*each {
		t.Errorf("Stats says that an instance takes %d KB, it is %d KB", told/1024, each/1024)
	}
	if each > 150<<10 {
		t.Errorf("an instance takes %d KB, at most 150 are allowed", each/1024)
	}
	runtime.KeepAlive(keep)
}

func benchmarkPage(b *testing.B, r *fragment.Renderer, page string, data any) {
	b.Helper()
	ctx, _ := cache.Open(context.Background())
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Render(ctx, io.Discard, page, data); err != nil {
			b.Fatal(err)
		}
	}
}

// Plain html/template into a buffer, as careful programs do.
func BenchmarkPagePlain(b *testing.B) {
	set := newSite(b, "").parse(shopSource(false))
	data := shopData()
	var buf bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		buf.Reset()
		if err := set.ExecuteTemplate(&buf, "page3", data); err != nil {
			b.Fatal(err)
		}
		_, _ = io.Discard.Write(buf.Bytes())
	}
}

// The same without a fragment in it: what the pool costs.
func BenchmarkPagePool(b *testing.B) {
	benchmarkPage(b, newSite(b, shopSource(false)).r, "page3", shopData())
}

// The two above, page by page in turn, so that what else the machine does weighs on
// both: "pool/plain" is the price of the pool, 1.00 is none. It must be at most 1.05.
func BenchmarkPoolOverhead(b *testing.B) {
	set, r, data := newSite(b, "").parse(shopSource(false)), newSite(b, shopSource(false)).r, shopData()
	ctx, _ := cache.Open(context.Background())
	var buf bytes.Buffer
	var plain, pool []time.Duration
	for i := 0; b.Loop(); i++ {
		for turn := range 2 {
			began := time.Now()
			if (i+turn)%2 == 0 {
				buf.Reset()
				if err := set.ExecuteTemplate(&buf, "page3", data); err != nil {
					b.Fatal(err)
				}
				_, _ = io.Discard.Write(buf.Bytes())
				plain = append(plain, time.Since(began))
				continue
			}
			if err := r.Render(ctx, io.Discard, "page3", data); err != nil {
				b.Fatal(err)
			}
			pool = append(pool, time.Since(began))
		}
	}
	b.ReportMetric(float64(median(pool))/float64(median(plain)), "pool/plain")
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkPoolMemory makes instances of 20 templates; "KB/instance" must be at most
// 150.
func BenchmarkPoolMemory(b *testing.B) {
	s := newSite(b, shopSource(true))
	var pages []string
	for i := range 15 {
		pages = append(pages, fmt.Sprint("page", i))
	}
	var keep []any
	before := heap()
	for b.Loop() {
		in, err := s.r.Warm(pages...)
		must(b, err)
		keep = append(keep, in)
	}
	b.ReportMetric(float64(heap()-before)/float64(len(keep))/1024, "KB/instance")
	runtime.KeepAlive(keep)
}

func BenchmarkPageHit(b *testing.B) {
	benchmarkPage(b, newSite(b, shopSource(true)).r, "page3", shopData())
}

func BenchmarkPageHitParallel(b *testing.B) {
	s, data := newSite(b, shopSource(true)), shopData()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.r.Render(context.Background(), io.Discard, "page3", data); err != nil {
				b.Error(err)
			}
		}
	})
}

// A page that is one action, to take off the ones below.
func BenchmarkTinyPage(b *testing.B) {
	benchmarkPage(b, newSite(b, `{{define "p"}}{{if .Q}}x{{end}}{{end}}`).r, "p", shopData())
}

func BenchmarkHit(b *testing.B) {
	benchmarkPage(b, newSite(b, `{{define "p"}}{{if cache "s" "500s" .User.Name}}x{{end}}{{end}}`).r, "p", shopData())
}

func BenchmarkHitWithTags(b *testing.B) {
	benchmarkPage(b, newSite(b, `{{define "p"}}{{if cache "s" "500s" .User.Name}}{{tag "a" "b" "c"}}x{{end}}{{end}}`).r, "p", shopData())
}

func BenchmarkHit20(b *testing.B) {
	benchmarkPage(b, newSite(b, `{{define "p"}}{{range .Rows}}{{if cache "s" "500s" .ID}}x{{end}}{{end}}{{end}}`).r, "p", shopData())
}

func BenchmarkHitEncoded(b *testing.B) {
	benchmarkPage(b, newSite(b, `{{define "p"}}{{if cache "s" "500s" .User.Name}}x{{end}}{{end}}`, withStore(asBytes)).r, "p", shopData())
}

func BenchmarkPartialHit(b *testing.B) {
	benchmarkPage(b, newSite(b, `{{define "q"}}x{{end}}{{define "p"}}{{partialCached "q" . "500s" .User.Name}}{{end}}`).r, "p", shopData())
}

func BenchmarkWriterHit(b *testing.B) {
	s := newSite(b, "")
	ctx, _ := cache.Open(context.Background())
	vary := []any{"ann"}
	b.ReportAllocs()
	for b.Loop() {
		err := s.frags.Cached(ctx, io.Discard, "a", time.Hour, vary, func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, "x")
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMiss(b *testing.B) {
	s := newSite(b, `{{define "p"}}{{if cache "s" "500s" .}}x{{end}}{{end}}`)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		if err := s.r.Render(context.Background(), io.Discard, "p", n); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	s := newSite(b, shopSource(true))
	set := s.parse(shopSource(true))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.r.Load(set); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	src := shopSource(true)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := template.New("").Funcs(fragment.Funcs()).Parse(src); err != nil {
			b.Fatal(err)
		}
	}
}
