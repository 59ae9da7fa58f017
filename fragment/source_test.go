package fragment_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

// folder is a directory of templates that a test edits.
type folder string

func newFolder(t *testing.T, files map[string]string) folder {
	t.Helper()
	f := folder(t.TempDir())
	for name, text := range files {
		f.write(t, name, text)
	}
	return f
}

func (f folder) write(t *testing.T, name, text string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(string(f), name), []byte(text), 0o600))
}

const layoutFile = `<html><body>{{block "main" .}}{{end}}</body></html>`

func reloading(t *testing.T, s *site, f folder) *fragment.Renderer {
	t.Helper()
	r, err := fragment.NewRenderer(fragment.RendererConfig{
		Fragments: s.frags, Files: os.DirFS(string(f)), Reload: true,
		Parse: fragment.ParseConfig{Shared: []string{"layout.html"}, Pages: []string{"page*.html"}, Funcs: s.funcs},
	})
	must(t, err)
	return r
}

func TestReload(t *testing.T) {
	t.Parallel()
	const page1 = `{{define "main"}}{{if cache "a" "1h"}}{{hit}}one{{end}}{{end}}{{template "layout.html" .}}`
	f := newFolder(t, map[string]string{"layout.html": layoutFile, "page1.html": page1})
	s := newSite(t, "")
	s.r = reloading(t, s, f)
	const want = `<html><body>one</body></html>`
	for range 2 {
		equal(t, "page", s.get("page1.html", nil), want)
	}
	equal(t, "bodies run", s.hits.Load(), 1)

	f.write(t, "page1.html", strings.Replace(page1, "one", "two", 1))
	equal(t, "edited", s.get("page1.html", nil), `<html><body>two</body></html>`)
	f.write(t, "page2.html", `{{define "main"}}another{{end}}{{template "layout.html" .}}`)
	equal(t, "a new page, another block of the same name", s.get("page2.html", nil), `<html><body>another</body></html>`)
	must(t, os.Remove(filepath.Join(string(f), "page2.html")))
	if err := s.r.Render(t.Context(), new(bytes.Buffer), "page2.html", nil); !errors.Is(err, fragment.ErrNoTemplate) {
		t.Errorf("a removed page: got %v", err)
	}
	deps := within(t.Context(), func(ctx context.Context) {
		s.page(ctx, "page1.html", nil)
		equal(t, "unstorable", cache.ScopeOf(ctx).Refused() != "", true)
	})
	equal(t, "but not private", deps.Private, "")
}

func TestReloadOfABrokenFileShowsTheLastGoodSetAndTheError(t *testing.T) {
	t.Parallel()
	const good = `{{define "main"}}good{{end}}{{template "layout.html" .}}`
	f := newFolder(t, map[string]string{"layout.html": layoutFile, "page.html": good})
	s := newSite(t, "")
	s.r = reloading(t, s, f)
	for name, bad := range map[string]string{
		"syntax":          `{{define "main"}}{{<script>`,
		"unknown func":    `{{define "main"}}{{nope}}{{end}}{{template "layout.html" .}}`,
		"misplaced cache": `{{define "main"}}<a title="{{if cache "<b>" "1h"}}x{{end}}">{{end}}{{template "layout.html" .}}`,
	} {
		f.write(t, "page.html", bad)
		for range 2 {
			out := s.get("page.html", nil)
			if !strings.HasPrefix(out, "<html><body>good<div role=\"alert\"") || !strings.HasSuffix(out, "</div></body></html>") {
				t.Errorf("%s: got %s", name, out)
			}
			if !strings.Contains(out, "page.html:1") || strings.Contains(out, "<script>") || strings.Contains(out, "<b>") {
				t.Errorf("%s: the error is missing or not escaped: %s", name, out)
			}
		}
		f.write(t, "page.html", good)
		equal(t, name+", repaired", s.get("page.html", nil), "<html><body>good</body></html>")
	}
	must(t, os.Remove(filepath.Join(string(f), "layout.html")))
	equal(t, "a missing file", strings.Contains(s.get("page.html", nil), "matches no file"), true)
	equal(t, "a part of a page stays as it is", s.get("main", nil), "good")
}

// HTML has pages without </body>, or with a </BODY >.
func TestOverlayOnEveryKindOfPage(t *testing.T) {
	t.Parallel()
	for page, want := range map[string][2]string{
		"<!doctype html>\n<title>a</title>text":  {"<!doctype html>\n<title>a</title>text<div role=\"alert\"", "</div>"},
		" <HTML lang=en><p>text":                 {" <HTML lang=en><p>text<div role=\"alert\"", "</div>"},
		"<!DOCTYPE html><body>text</BODY >\n":    {"<!DOCTYPE html><body>text<div role=\"alert\"", "</div></BODY >\n"},
		"<p>&lt;/body></p><body>b</body></html>": {"<p>&lt;/body></p><body>b<div role=\"alert\"", "</div></body></html>"},
		"<p>a part of a page</p>":                {"<p>a part of a page</p>", ""},
		"<htmlx>a part, too":                     {"<htmlx>a part, too", ""},
		"text":                                   {"text", ""},
		"{\"json\": \"<html> is none\"}":         {"{\"json\": \"<html> is none\"}", ""},
	} {
		f := newFolder(t, map[string]string{"layout.html": "", "page.html": page})
		s := newSite(t, "")
		s.r = reloading(t, s, f)
		f.write(t, "page.html", page+"{{nope}}")
		out := s.get("page.html", nil)
		if !strings.HasPrefix(out, want[0]) || !strings.HasSuffix(out, want[1]) || want[1] == "" && out != want[0] {
			t.Errorf("%q: got %q", page, out)
		}
	}
}

func TestReloadUnderRenders(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"layout.html": layoutFile, "page.html": `{{if cache "a" "1h"}}0{{end}}`})
	s := newSite(t, "")
	s.r = reloading(t, s, f)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if out := s.get("page.html", nil); len(out) > 1 {
					t.Errorf("got %q", out)
				}
			}
		})
	}
	for _, digit := range "123456789" {
		f.write(t, "page.html", `{{if cache "a" "1h"}}`+string(digit)+`{{end}}`)
	}
	wg.Wait()
	equal(t, "at last", s.get("page.html", nil), "9")
}

func TestFilesWithoutReload(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"a.html": {Data: []byte(`{{greet}} {{.}}`)}}
	funcs := fragment.ContextFuncs{"greet": func(context.Context) string { return "hello" }}
	cfg := fragment.RendererConfig{Files: files, ContextFuncs: funcs, Parse: fragment.ParseConfig{Pages: []string{"*.html"}}}
	r, err := fragment.NewRenderer(cfg)
	must(t, err)
	files["a.html"] = &fstest.MapFile{Data: []byte(`edited`)}
	var b bytes.Buffer
	must(t, r.Render(t.Context(), &b, "a.html", "ann"))
	equal(t, "page", b.String(), "hello ann")

	s := newSite(t, "")
	if _, err = fragment.NewRenderer(cfg, s.parse("x")); err == nil || !strings.Contains(err.Error(), "choose one") {
		t.Errorf("files and sets: got %v", err)
	}
	if _, err = fragment.NewRenderer(fragment.RendererConfig{Reload: true}); err == nil || !strings.Contains(err.Error(), "Files") {
		t.Errorf("reload without files: got %v", err)
	}
	files["a.html"] = &fstest.MapFile{Data: []byte(`{{`)}
	if _, err = fragment.NewRenderer(cfg); err == nil {
		t.Error("broken files were accepted")
	}
}

// Functions that are bound to the request: a nonce is for one answer, a
// translation for all readers of one language.
func TestNonceAndTranslationInFragments(t *testing.T) {
	t.Parallel()
	words := map[string]string{"en": "hello", "de": "hallo"}
	translate := func(ctx context.Context, _ string) string { return words[read(ctx, "locale")] }
	s := newSite(t, `{{define "p"}}<script nonce="{{nonce}}"></script>{{if cache "a" "1h"}}{{hit}}{{t "hello"}}{{end}}{{end}}{{define "q"}}{{if cache "a" "1h"}}{{hit}}{{t "hello"}}{{end}}{{end}}`,
		withContextFuncs(fragment.ContextFuncs{"nonce": nonce, "t": translate}))
	for i, lang := range []string{"en", "de", "en", "de"} {
		ctx := context.WithValue(as(t.Context(), visitor{"locale": lang}), nonceKey{}, lang+"-nonce")
		equal(t, "page", s.page(ctx, "p", nil), `<script nonce="`+lang+`-nonce"></script>`+words[lang])
		// A page that is filled while the fragment hits depends on the locale.
		deps := within(ctx, func(ctx context.Context) { s.page(ctx, "q", nil) })
		equal(t, "what the page varies by", len(deps.Vary), 1)
		equal(t, "its value", deps.Vary[0].Value, lang)
		equal(t, "bodies of the templates p and q", s.hits.Load(), int64(2*min(i+1, 2)))
	}
}
