package site

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/example-app/internal/quotes"
)

// quoteJSON is a quotation as programs get it.
type quoteJSON struct {
	ID         string     `json:"id"`
	Text       string     `json:"text"`
	Author     authorJSON `json:"author"`
	Work       string     `json:"work"`
	Locator    string     `json:"locator,omitempty"`
	Translator string     `json:"translator,omitempty"`
	Year       int        `json:"year"`
	Topics     []string   `json:"topics"`
	URL        string     `json:"url"`
	UpdatedAt  time.Time  `json:"updated_at"`
}

type authorJSON struct {
	Slug string `json:"slug"`
	Name string `json:"name"`
}

func asJSON(q quotes.Quote) quoteJSON {
	return quoteJSON{
		ID: q.ID, Text: q.Text, Author: authorJSON{q.Author.Slug, q.Author.Name}, Work: q.Work, Locator: q.Locator,
		Translator: q.Translator, Year: q.Year, Topics: q.Topics, URL: "/quotes/" + url.PathEscape(q.ID), UpdatedAt: q.UpdatedAt,
	}
}

// apiRandom gives any quotation, another one each time.
func (s *Site) apiRandom(c echo.Context) error {
	q, err := s.quotes.Random(c.Request().Context())
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return c.JSON(http.StatusOK, asJSON(q))
}

// apiQuote gives one quotation. It is cached like its page.
func (s *Site) apiQuote(c echo.Context) error {
	q, err := s.catalogue.quote(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, asJSON(q))
}

// healthTimeout bounds a health check.
const healthTimeout = time.Second

// health says whether the site can do its work: without the database only what
// is cached is left.
func (s *Site) health(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), healthTimeout)
	defer cancel()
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	if err := s.db.Ping(ctx); err != nil {
		s.log.ErrorContext(ctx, "site: health check", "error", err)
		return c.JSON(http.StatusServiceUnavailable, map[string]string{"status": "the database does not answer"})
	}
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}
