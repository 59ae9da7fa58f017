package site

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/console"
)

// consolePath is where operators watch the caches.
const consolePath = "/console"

// openConsole makes the console for editors.
func (s *Site) openConsole() (err error) {
	s.console, err = s.app.Console(console.Config{Path: consolePath, Title: "Commonplace", Home: "/", Authorize: s.operator})
	return err
}

// operator says who asks for the console: editors may.
func (s *Site) operator(r *http.Request) (string, error) {
	user, err := s.user(r.Context())
	switch {
	case err != nil:
		return "", err
	case user.Name == "":
		return "", fmt.Errorf("site: %w", console.ErrUnauthenticated)
	case !user.Admin:
		return "", errors.New("site: only editors may see the console")
	}
	return user.Name, nil
}

// layConsole lays it for all methods: it checks them itself.
func (s *Site) layConsole(e *echo.Echo) {
	e.Any(consolePath+"*", echo.WrapHandler(s.console))
}
