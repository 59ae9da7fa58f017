package site

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/example-app/internal/quotes"
	"github.com/echoic-go/echoic/session"
)

// problem is an error as a visitor sees it.
type problem struct {
	head
	Code    int
	Heading string
	Message string
}

var problems = map[int]problem{
	http.StatusBadRequest:            {Heading: "That did not arrive whole.", Message: "Go back and send the form once more."},
	http.StatusForbidden:             {Heading: "Not for you to see.", Message: "This part of the site is for others. You can sign in as somebody else."},
	http.StatusNotFound:              {Heading: "This page is not in the book.", Message: "The address may be mistyped, or what was here is gone. There is plenty left to read."},
	http.StatusMethodNotAllowed:      {Heading: "That cannot be done here.", Message: "The page exists, but not for this kind of request."},
	http.StatusConflict:              {Heading: "Somebody was faster.", Message: "This has changed meanwhile. Go back, reload the page and try again."},
	http.StatusRequestEntityTooLarge: {Heading: "That is too much at once.", Message: "Send less."},
	http.StatusInternalServerError:   {Heading: "Something went wrong here.", Message: "It is our fault, not yours, and it has been written down. Try again in a moment."},
	http.StatusServiceUnavailable:    {Heading: "Out of breath.", Message: "Something that this page needs does not answer just now. Try again in a moment."},
}

// problemOf turns an error into what is shown.
func problemOf(err error) problem {
	code, message := http.StatusInternalServerError, ""
	var known *echo.HTTPError
	var failed *session.StoreError
	switch {
	case errors.Is(err, quotes.ErrNotFound):
		code = http.StatusNotFound
	case errors.As(err, &failed):
		code = http.StatusServiceUnavailable
	case errors.As(err, &known):
		code = known.Code
		if text, ok := known.Message.(string); ok && text != http.StatusText(code) && code < http.StatusInternalServerError {
			message = text
		}
	case errors.Is(err, context.DeadlineExceeded):
		code = http.StatusServiceUnavailable
	}
	p, ok := problems[code]
	if !ok {
		p = problem{Heading: http.StatusText(code), Message: "The request could not be answered."}
	}
	if message != "" {
		p.Message = message
	}
	p.Code, p.head = code, head{Title: p.Heading, Description: about, NoIndex: true}
	return p
}

// fail is Echo's error handler: a page in the style of the others, and JSON for
// programs. Neither is ever cached.
func (s *Site) fail(err error, c echo.Context) {
	r := c.Request()
	p := problemOf(err)
	if p.Code >= http.StatusInternalServerError && r.Context().Err() == nil {
		s.log.ErrorContext(r.Context(), "site: request failed", "method", r.Method, "path", r.URL.Path, "status", p.Code, "error", err)
	}
	if c.Response().Committed {
		return
	}
	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, "no-store")
	if p.Code == http.StatusServiceUnavailable && h.Get(echo.HeaderRetryAfter) == "" {
		h.Set(echo.HeaderRetryAfter, "1")
	}
	if err := s.show(c, p); err != nil {
		s.log.ErrorContext(r.Context(), "site: error page failed", "path", r.URL.Path, "error", err)
		if !c.Response().Committed {
			_ = c.String(p.Code, p.Heading+"\n")
		}
	}
}

func (s *Site) show(c echo.Context, p problem) error {
	path := c.Request().URL.Path
	switch {
	case c.Request().Method == http.MethodHead:
		return c.NoContent(p.Code)
	case strings.HasPrefix(path, "/api/") || path == "/healthz":
		return c.JSON(p.Code, map[string]string{"error": p.Message})
	}
	return c.Render(p.Code, "error.html", p)
}
