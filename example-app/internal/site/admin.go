package site

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/example-app/internal/quotes"
)

// onlyAdmin lets editors pass. It comes behind RequireLogin.
func (s *Site) onlyAdmin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		user, err := s.user(c.Request().Context())
		if err != nil {
			return err
		}
		if !user.Admin {
			return echo.NewHTTPError(http.StatusForbidden, "Only editors can change quotes.")
		}
		return next(c)
	}
}

func (s *Site) admin(c echo.Context) error {
	ctx := c.Request().Context()
	query := searchQuery(c)
	var list quotes.Page
	var err error
	if query == "" {
		list.Quotes, err = s.quotes.Changed(ctx, 12)
	} else {
		list, err = s.quotes.Search(ctx, query, 1)
	}
	if err != nil {
		return err
	}
	return render(c, "admin.html", struct {
		head
		Flash  string
		Query  string
		Total  int
		Quotes []quotes.Quote
	}{head{Title: "Edit quotes", Description: about, NoIndex: true}, s.said(ctx), query, list.Total, list.Quotes})
}

// choice is a topic in a form.
type choice struct {
	Name   string
	Chosen bool
}

// editView is the form of a quotation.
type editView struct {
	head
	Flash    string
	Quote    quotes.Quote
	Year     string // as it was typed
	Version  int64
	Action   string
	Authors  []quotes.Author
	Topics   []choice
	Wrong    map[string]string
	Conflict *quotes.Quote
}

// showForm renders the form, with the status that the attempt before it earned.
func (s *Site) showForm(c echo.Context, status int, v editView) error {
	ctx := c.Request().Context()
	var err error
	if v.Authors, err = s.catalogue.authors(ctx); err != nil {
		return err
	}
	topics, err := s.catalogue.topics(ctx)
	if err != nil {
		return err
	}
	for _, t := range topics {
		v.Topics = append(v.Topics, choice{t.Name, slices.Contains(v.Quote.Topics, t.Name)})
	}
	v.head = head{Title: "Edit a quote", Description: about, NoIndex: true}
	v.Flash = s.said(ctx)
	v.Action = "/admin/quotes/new"
	if v.Quote.ID != "" {
		v.Action = "/admin/quotes/" + url.PathEscape(v.Quote.ID)
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return c.Render(status, "edit.html", v)
}

func (s *Site) editForm(c echo.Context) error {
	// Not through the cache: an edit begins with what is in the database.
	q, err := s.quotes.Quote(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return s.showForm(c, http.StatusOK, editView{Quote: q, Year: strconv.Itoa(q.Year), Version: q.Version()})
}

func (s *Site) newForm(c echo.Context) error {
	return s.showForm(c, http.StatusOK, editView{})
}

// edit saves a changed quotation and purges what shows it.
func (s *Site) edit(c echo.Context) error {
	ctx := c.Request().Context()
	before, err := s.quotes.Quote(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(c.FormValue("version"), 10, 64)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, "The form came without the version that was edited.")
	}
	q, wrong, err := readForm(c, before.Topics)
	if err != nil {
		return err
	}
	q.ID, q.CreatedAt, q.UpdatedAt = before.ID, before.CreatedAt, quotes.VersionTime(version)
	if version != before.Version() {
		return s.conflict(c, q)
	}
	if len(wrong) > 0 {
		return s.showForm(c, http.StatusUnprocessableEntity, editView{Quote: q, Year: c.FormValue("year"), Version: version, Wrong: wrong})
	}
	after, err := s.quotes.Update(ctx, q)
	var invalid *quotes.InvalidError
	switch {
	case errors.As(err, &invalid):
		return s.showForm(c, http.StatusUnprocessableEntity, editView{Quote: q, Year: c.FormValue("year"), Version: version, Wrong: invalid.Fields})
	case errors.Is(err, quotes.ErrConflict):
		return s.conflict(c, q)
	case err != nil:
		return err
	}
	s.purge(ctx, tagsOfEdit(before, after))
	return c.Redirect(http.StatusSeeOther, "/admin/quotes/"+url.PathEscape(after.ID))
}

// conflict shows the form again beside what somebody else has saved.
func (s *Site) conflict(c echo.Context, q quotes.Quote) error {
	now, err := s.quotes.Quote(c.Request().Context(), q.ID)
	if err != nil {
		return err
	}
	return s.showForm(c, http.StatusConflict, editView{Quote: q, Year: c.FormValue("year"), Version: now.Version(), Conflict: &now})
}

// add saves a new quotation and purges the lists that it belongs to.
func (s *Site) add(c echo.Context) error {
	ctx := c.Request().Context()
	q, wrong, err := readForm(c, nil)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return s.showForm(c, http.StatusUnprocessableEntity, editView{Quote: q, Year: c.FormValue("year"), Wrong: wrong})
	}
	added, err := s.quotes.Insert(ctx, q)
	var invalid *quotes.InvalidError
	switch {
	case errors.As(err, &invalid):
		return s.showForm(c, http.StatusUnprocessableEntity, editView{Quote: q, Year: c.FormValue("year"), Wrong: invalid.Fields})
	case err != nil:
		return err
	}
	s.purge(ctx, tagsOfAddition(added))
	s.announce(ctx, added)
	return c.Redirect(http.StatusSeeOther, "/admin/quotes/"+url.PathEscape(added.ID))
}

// purge removes what shows the old state, also if the client has left: the
// change is made. The editor is told if it did not work.
func (s *Site) purge(ctx context.Context, tags []string) {
	if err := s.app.Cache.Purge(context.WithoutCancel(ctx), tags...); err != nil {
		s.log.ErrorContext(ctx, "site: purging after an edit", "tags", tags, "error", err)
		s.say(ctx, "Saved, but pages that show it could not be purged: they change when their time is over.")
		return
	}
	s.say(ctx, "Saved. Purged: "+strings.Join(tags, ", ")+".")
}

// readForm reads the quotation in the form. Topics that it had keep their
// order: the first is the main one.
func readForm(c echo.Context, had []string) (q quotes.Quote, wrong map[string]string, err error) {
	form, err := c.FormParams()
	if err != nil {
		return quotes.Quote{}, nil, echo.NewHTTPError(http.StatusBadRequest, "The form cannot be read.").SetInternal(err)
	}
	lines := strings.FieldsFunc(form.Get("text"), func(r rune) bool { return r == '\n' || r == '\r' })
	q = quotes.Quote{
		Author: quotes.AuthorRef{Slug: form.Get("author")},
		Text:   strings.Join(lines, " / "),
		Work:   form.Get("work"), Locator: form.Get("locator"), Translator: form.Get("translator"),
	}
	chosen := form["topics"]
	for _, topic := range slices.Concat(had, chosen) {
		if slices.Contains(chosen, topic) && !slices.Contains(q.Topics, topic) {
			q.Topics = append(q.Topics, topic)
		}
	}
	if q.Year, err = strconv.Atoi(strings.TrimSpace(form.Get("year"))); err != nil {
		wrong = map[string]string{"year": "Write the year in digits, before Christ with a minus sign."}
	}
	return q, wrong, nil
}
