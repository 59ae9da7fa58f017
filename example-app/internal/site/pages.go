package site

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/example-app/internal/database"
	"github.com/echoic-go/echoic/example-app/internal/quotes"
)

// The handlers of pages that are the same for everybody. None of them looks at
// the session.

const about = "Motivational quotations from works in the public domain, each with its place, so that you can look it up."

func (s *Site) home(c echo.Context) error {
	ctx := c.Request().Context()
	daily, day, err := s.catalogue.daily(ctx)
	if err != nil {
		return err
	}
	latest, err := s.catalogue.latest(ctx, 6)
	if err != nil {
		return err
	}
	return render(c, "home.html", struct {
		head
		Daily  quotes.Quote
		Day    time.Time
		Latest []quotes.Quote
	}{head{Title: "Quote of the day", Description: about, Section: "home"}, daily, day, latest})
}

func (s *Site) quote(c echo.Context) error {
	ctx := c.Request().Context()
	q, err := s.catalogue.quote(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	_, all, err := s.catalogue.byAuthor(ctx, q.Author.Slug)
	if err != nil {
		return err
	}
	return render(c, "quote.html", struct {
		head
		Quote quotes.Quote
		More  []quotes.Quote
	}{head{Title: q.Author.Name + ", " + q.Work, Description: excerpt(q.Text, 155)}, q, neighbours(all, q.ID, 4)})
}

// neighbours returns up to n quotations that come after that of id, and after
// the last one the first ones.
func neighbours(all []quotes.Quote, id string, n int) []quotes.Quote {
	at := slices.IndexFunc(all, func(q quotes.Quote) bool { return q.ID == id })
	if at < 0 {
		return all[:min(n, len(all))]
	}
	others := slices.Concat(all[at+1:], all[:at])
	return others[:min(n, len(others))]
}

func (s *Site) authors(c echo.Context) error {
	all, err := s.catalogue.authors(c.Request().Context())
	if err != nil {
		return err
	}
	return render(c, "authors.html", struct {
		head
		Authors []quotes.Author
	}{head{Title: "Authors", Description: "All authors of the collection, the oldest first.", Section: "authors"}, all})
}

func (s *Site) author(c echo.Context) error {
	author, all, err := s.catalogue.byAuthor(c.Request().Context(), c.Param("slug"))
	if err != nil {
		return err
	}
	return render(c, "author.html", struct {
		head
		Author quotes.Author
		Quotes []quotes.Quote
	}{head{Title: author.Name, Description: author.Bio, Section: "authors"}, author, all})
}

// heading is a topic with a quotation that stands for it.
type heading struct {
	quotes.Topic
	Sample quotes.Quote
}

func (s *Site) topics(c echo.Context) error {
	ctx := c.Request().Context()
	all, err := s.catalogue.topics(ctx)
	if err != nil {
		return err
	}
	samples, err := s.catalogue.samples(ctx)
	if err != nil {
		return err
	}
	headings := make([]heading, len(all))
	for i, topic := range all {
		headings[i] = heading{topic, samples[topic.Name]}
	}
	return render(c, "topics.html", struct {
		head
		Topics []heading
	}{head{Title: "Topics", Description: "Quotations by topic.", Section: "topics"}, headings})
}

func (s *Site) topic(c echo.Context) error {
	number, err := pageNumber(c)
	if err != nil {
		return err
	}
	name := c.Param("topic")
	list, err := s.catalogue.byTopic(c.Request().Context(), name, number)
	if err != nil {
		return err
	}
	return render(c, "topic.html", struct {
		head
		Topic string
		List  quotes.Page
		Pager pager
	}{
		head{Title: "On " + name, Description: "Quotations on " + name + ".", Section: "topics"},
		name, list, newPager("/topics/"+name, url.Values{}, list),
	})
}

// maxQuery is how many characters of a search count, as the form says, too.
const maxQuery = 100

func (s *Site) search(c echo.Context) error {
	number, err := pageNumber(c)
	if err != nil {
		return err
	}
	query := searchQuery(c)
	list, err := s.catalogue.search(c.Request().Context(), query, number)
	if err != nil {
		return err
	}
	title := "Search"
	if query != "" {
		title = "Search: " + query
	}
	return render(c, "search.html", struct {
		head
		Query string
		Terms []string
		List  quotes.Page
		Pager pager
	}{
		head{Title: title, Description: "Search the collection.", Section: "search", NoIndex: true},
		query, quotes.Terms(query), list, newPager("/search", url.Values{"q": {query}}, list),
	})
}

// searchQuery is the query as it is shown and searched for.
func searchQuery(c echo.Context) string {
	text := []rune(cleanLine(c.QueryParam("q")))
	return string(text[:min(len(text), maxQuery)])
}

// stores are the places where things are kept, in words.
type stores struct{ Cache, Sessions, Quotes string }

var placeNames = map[echoic.Backend]string{
	echoic.Memory:   "the memory of this process",
	echoic.SQLite:   "an SQLite file",
	echoic.Postgres: "Postgres",
	echoic.Redis:    "Redis",
}

func (s *Site) about(c echo.Context) error {
	places := stores{Cache: placeNames[s.app.Plan.Cache], Sessions: placeNames[s.app.Plan.Sessions], Quotes: "Postgres"}
	if s.db.Kind == database.SQLite {
		places.Quotes = placeNames[echoic.SQLite]
	}
	return render(c, "about.html", struct {
		head
		Origin string
		Stores stores
	}{head{Title: "How this site is made", Description: "The parts of Echoic that this site uses, and how to see them at work.", Section: "about"}, origin(c), places})
}

// random leads to any quotation.
func (s *Site) random(c echo.Context) error {
	q, err := s.quotes.Random(c.Request().Context())
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return c.Redirect(http.StatusSeeOther, "/quotes/"+url.PathEscape(q.ID))
}

// robots keeps search engines from pages that are different each time.
func (s *Site) robots(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderCacheControl, "public, max-age=86400")
	return c.String(http.StatusOK, fmt.Sprintf("User-agent: *\nDisallow: %s\nDisallow: %s\nDisallow: %s\n", "/admin", "/random", "/search"))
}
