package console

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/templates"
)

// frame is what every page needs.
type frame struct {
	Site, Home, Base, Section, Operator, Token string
	Live                                       bool
	Inspects, Purges, Explains, HasSessions    bool
}

// framed is a page's own data in its frame.
type framed struct {
	frame
	View any
}

type problemView struct {
	Code int
	Text string
}

// sections are the entries of the navigation, by the template that they belong to.
var sections = map[string]string{
	"overview.html": "overview", "routes.html": "routes", "keys.html": "keys", "entry.html": "keys", "tags.html": "tags",
	"purges.html": "purges", "preview.html": "purges", "sessions.html": "sessions", "revoke.html": "sessions", "explain.html": "explain",
}

func (c *Console) frameOf(r *http.Request, name string) frame {
	f := frame{
		Site: c.cfg.Title, Home: c.cfg.Home, Base: c.cfg.Path, Section: sections[name],
		Operator: operatorOf(r), Token: c.tokenOf(operatorOf(r)), Live: name == "overview.html",
	}
	_, f.Inspects = c.cfg.Source.(Inspector)
	_, f.Purges = c.cfg.Source.(Purger)
	_, f.HasSessions = c.cfg.Source.(Sessions)
	_, f.Explains = c.cfg.Source.(Explainer)
	return f
}

// render sends a page, or nothing at all if its template fails.
func (c *Console) render(w http.ResponseWriter, r *http.Request, code int, name string, view any) error {
	var b bytes.Buffer
	if err := c.pages[name].ExecuteTemplate(&b, "layout", framed{c.frameOf(r, name), view}); err != nil {
		return fmt.Errorf("console: template %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	if r.Method == http.MethodHead {
		return nil
	}
	_, _ = w.Write(visible(b.Bytes())) // the browser may have gone
	return nil
}

// parsePages parses the templates: every page has a set of its own with the layout
// and the parts.
func parsePages(c *Console) (map[string]*template.Template, error) {
	funcs := template.FuncMap{
		"asset": c.files.url, "link": c.link, "percent": percent, "decimal": decimal, "count": count, "bytes": bytesOf,
		"span": span2, "long": long, "ago": func(t time.Time) string { return ago(c.cfg.Now().Sub(t)) },
		"clock":    func(t time.Time) string { return t.UTC().Format("15:04:05") },
		"stamp":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"means":    Meaning,
		"kindOf":   func(why string) string { return string(pagecache.Reason(why).Outcome()) },
		"bytes64":  func(n uint64) string { return bytesOf(int64(n)) },
		"bytesInt": func(n int) string { return bytesOf(int64(n)) },
		"micros":   func(n uint64) string { return long(time.Duration(n) * time.Microsecond) },
	}
	pages := map[string]*template.Template{}
	base, err := template.New("").Funcs(funcs).ParseFS(templates.Console, "console/layout.html", "console/parts.html")
	if err != nil {
		return nil, err
	}
	for name := range sections {
		if pages[name], err = page(base, name); err != nil {
			return nil, err
		}
	}
	pages["error.html"], err = page(base, "error.html")
	return pages, err
}

func page(base *template.Template, name string) (*template.Template, error) {
	set, err := base.Clone()
	if err != nil {
		return nil, err
	}
	return set.ParseFS(templates.Console, "console/pages/"+name)
}

// link is the address of a page of the console, with pairs of names and values.
func (c *Console) link(path string, pairs ...string) string {
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	if len(query) == 0 {
		return c.cfg.Path + path
	}
	return c.cfg.Path + path + "?" + query.Encode()
}

// count writes any whole number.
func count(n any) (string, error) {
	switch n := n.(type) {
	case uint64:
		return grouped(n), nil
	case int64:
		return grouped(uint64(max(n, 0))), nil
	case int:
		return grouped(uint64(max(n, 0))), nil
	}
	return "", fmt.Errorf("count of %T", n)
}
