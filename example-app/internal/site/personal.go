package site

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/example-app/internal/accounts"
	"github.com/echoic-go/echoic/example-app/internal/quotes"
	"github.com/echoic-go/echoic/middleware"
)

// The handlers of what belongs to one visitor. Forms are answered with a
// redirect, so that reloading does not send them again.

const favouritesPath = "/favourites"

func (s *Site) favourites(c echo.Context) error {
	ctx := c.Request().Context()
	user, err := s.user(ctx)
	if err != nil {
		return err
	}
	kept, err := s.quotes.ByIDs(ctx, s.favouriteIDs(ctx))
	if err != nil {
		return err
	}
	return render(c, "favourites.html", struct {
		head
		Flash  string
		User   accounts.User
		Quotes []quotes.Quote
	}{head{Title: "My favourites", Description: about, Section: "favourites", NoIndex: true}, s.said(ctx), user, kept})
}

func (s *Site) addFavourite(c echo.Context) error {
	ctx := c.Request().Context()
	q, err := s.catalogue.quote(ctx, c.FormValue("id"))
	if err != nil {
		return err
	}
	s.say(ctx, s.keep(ctx, q.ID))
	return c.Redirect(http.StatusSeeOther, favouritesPath)
}

func (s *Site) removeFavourite(c echo.Context) error {
	ctx := c.Request().Context()
	s.drop(ctx, c.FormValue("id"))
	s.say(ctx, "Removed.")
	return c.Redirect(http.StatusSeeOther, favouritesPath)
}

// loginView is the login page.
type loginView struct {
	head
	Flash    string
	User     accounts.User
	Problem  string
	Username string
	Next     string
	Demo     []accounts.User
}

func (s *Site) loginForm(c echo.Context) error {
	ctx := c.Request().Context()
	user, err := s.user(ctx)
	if err != nil {
		return err
	}
	v := s.newLoginView(c)
	v.User, v.Flash = user, s.said(ctx)
	return render(c, "login.html", v)
}

func (s *Site) newLoginView(c echo.Context) loginView {
	v := loginView{
		head: head{Title: "Sign in", Description: about, Section: "login", NoIndex: true},
		Next: middleware.Next(c, favouritesPath),
	}
	if s.app.Config.Env == echoic.Development {
		v.Demo = accounts.Demo()
	}
	return v
}

func (s *Site) login(c echo.Context) error {
	ctx := c.Request().Context()
	name := strings.ToLower(strings.TrimSpace(c.FormValue("username")))
	user, err := s.accounts.Authenticate(ctx, name, c.FormValue("password"))
	if errors.Is(err, accounts.ErrDenied) {
		v := s.newLoginView(c)
		v.Problem, v.Username = "Name or password is wrong.", excerpt(cleanLine(name), 40)
		c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
		return c.Render(http.StatusUnprocessableEntity, "login.html", v)
	}
	if err != nil {
		return err
	}
	if err := s.app.Sessions.Login(ctx, user.Name); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, middleware.Next(c, favouritesPath))
}

func (s *Site) logout(c echo.Context) error {
	if err := s.app.Sessions.Logout(c.Request().Context()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/")
}

// cleanLine makes one line of what a visitor typed.
func cleanLine(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
}
