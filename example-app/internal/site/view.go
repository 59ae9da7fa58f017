package site

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/example-app/internal/quotes"
)

// head is what the layout of every page wants to know. Nothing in it depends on
// the visitor.
type head struct {
	Title       string
	Description string
	Section     string // which entry of the navigation is the present one
	NoIndex     bool
}

// templateFuncs are functions of nothing but their arguments.
func (s *Site) templateFuncs() template.FuncMap {
	return template.FuncMap{
		"asset":       s.assets.address,
		"sizeOf":      sizeOf,
		"yearOf":      yearOf,
		"plural":      plural,
		"marked":      quotes.Highlight,
		"tagOf":       func(q quotes.Quote) string { return quoteTag(q.ID) },
		"authorTagOf": func(q quotes.Quote) string { return authorTag(q.Author.Slug) },
	}
}

// sizeOf says how large a quotation can be set: short, middle or long.
func sizeOf(q quotes.Quote) string {
	switch n, lines := utf8.RuneCountInString(q.Text), len(q.Lines()); {
	case n > 170 || lines > 3:
		return "long"
	case n > 80 || lines > 1:
		return "middle"
	}
	return "short"
}

func yearOf(year int) string {
	if year < 0 {
		return strconv.Itoa(-year) + " BC"
	}
	return strconv.Itoa(year)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// excerpt is the beginning of a text, for descriptions.
func excerpt(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}

// pager are the links between the pages of a list.
type pager struct {
	Number, Last   int
	Previous, Next string // empty at the ends
}

func newPager(path string, query url.Values, p quotes.Page) pager {
	link := func(n int) string {
		if n < 1 || n > p.Last {
			return ""
		}
		query.Del("page")
		if n > 1 {
			query.Set("page", strconv.Itoa(n))
		}
		return (&url.URL{Path: path, RawQuery: query.Encode()}).String()
	}
	return pager{Number: p.Number, Last: p.Last, Previous: link(p.Number - 1), Next: link(p.Number + 1)}
}

// pageNumber reads the query parameter "page". What is no number is a page that
// does not exist.
func pageNumber(c echo.Context) (int, error) {
	text := c.QueryParam("page")
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%w: page %.20q", quotes.ErrNotFound, text)
	}
	return n, nil
}

// origin is the beginning of this site's addresses, as the visitor wrote it.
func origin(c echo.Context) string { return c.Scheme() + "://" + c.Request().Host }

func render(c echo.Context, name string, data any) error {
	return c.Render(http.StatusOK, name, data)
}
