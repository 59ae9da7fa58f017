package middleware

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/pagecache"
)

// NoCache forbids all caches, browsers' included, to keep the answers of a route,
// whatever the handler says.
func NoCache() echo.MiddlewareFunc {
	return onHeader(func(h http.Header) { h["Cache-Control"] = []string{"private, no-store"} })
}

// CacheControl gives answers of a route these directives, such as "public" and
// "max-age=60", where the handler says nothing itself. Error pages get none.
// Panics if a directive is none.
func CacheControl(directives ...string) echo.MiddlewareFunc {
	if len(directives) == 0 {
		panic("middleware: CacheControl: give at least one directive, such as max-age=60")
	}
	for _, d := range directives {
		name, _, _ := strings.Cut(d, "=")
		if name == "" || strings.ContainsAny(d, "\r\n\x00") || strings.ContainsAny(name, " \t,;\"") {
			panic("middleware: CacheControl: " + strings.ToValidUTF8(d, "?") + " is no directive")
		}
	}
	value := strings.Join(directives, ", ")
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			res := c.Response()
			res.Before(func() {
				if h := res.Header(); len(h["Cache-Control"]) == 0 && res.Status < http.StatusBadRequest {
					h["Cache-Control"] = []string{value}
				}
			})
			return next(c)
		}
	}
}

// VaryOn says in Vary that answers of a route depend on these request headers. A
// page cache, inside or outside, keeps one page for every combination.
func VaryOn(headers ...string) echo.MiddlewareFunc {
	note := pagecache.NewAnnotation(pagecache.VaryOn(headers...))
	return vary(note, headers)
}

// VaryOnCookie says in Vary that answers of a route depend on cookies, and tells
// CachePage inside, nearer to the handler, on which: it keeps one page for every
// combination of their values and lets the handler see them. A page cache outside
// does not keep such answers: give it the option pagecache.VaryOnCookie.
func VaryOnCookie(names ...string) echo.MiddlewareFunc {
	note := pagecache.NewAnnotation(pagecache.VaryOnCookie(names...))
	return vary(note, []string{"Cookie"})
}

func vary(note *pagecache.Annotation, headers []string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			res := c.Response()
			res.Before(func() { pagecache.AddVary(res.Header(), headers...) })
			c.SetRequest(note.Annotate(c.Request()))
			return next(c)
		}
	}
}

// onHeader edits the header when it is about to be sent, after the handler.
func onHeader(edit func(http.Header)) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			res := c.Response()
			res.Before(func() { edit(res.Header()) })
			return next(c)
		}
	}
}
