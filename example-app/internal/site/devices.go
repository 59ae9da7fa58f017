package site

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/session"
)

// Where a user is signed in, and how he signs out there.

const devicesPath = "/sessions"

// device is a session as its user knows it.
type device struct {
	session.UserSession
	Name   string
	Seen   string // how long ago
	Signed string // since when
}

func (s *Site) devices(c echo.Context) error {
	ctx := c.Request().Context()
	user, err := s.user(ctx)
	if err != nil {
		return err
	}
	list, err := s.app.Sessions.UserSessions(ctx, user.Name)
	if err != nil {
		return err
	}
	view := struct {
		head
		Flash   string
		Devices []device
		Others  bool
	}{head: head{Title: "Where you are signed in", Description: about, Section: "favourites", NoIndex: true}, Flash: s.said(ctx)}
	for _, one := range list {
		view.Devices = append(view.Devices, device{one, deviceName(one.UserAgent), ago(s.now().Sub(one.LastSeen)), one.Created.UTC().Format("2 January 2006, 15:04 UTC")})
		view.Others = view.Others || !one.Current
	}
	return render(c, "sessions.html", view)
}

func (s *Site) endDevice(c echo.Context) error {
	ctx := c.Request().Context()
	id := c.FormValue("id")
	if id == "" { // without one it would be all
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	n, err := s.app.Sessions.Revoke(ctx, s.app.Sessions.UserID(ctx), id)
	if err != nil {
		return err
	}
	s.say(ctx, "That device is signed out.")
	if n == 0 {
		s.say(ctx, "That device was signed out already.")
	}
	return c.Redirect(http.StatusSeeOther, devicesPath)
}

func (s *Site) endOtherDevices(c echo.Context) error {
	ctx := c.Request().Context()
	n, err := s.app.Sessions.RevokeOthers(ctx)
	if err != nil {
		return err
	}
	s.say(ctx, "Signed out on "+plural(n, "other device", "other devices")+".")
	return c.Redirect(http.StatusSeeOther, devicesPath)
}

// Programs and systems by what they write into User-Agent, the more special first:
// most pretend to be others, too.
var (
	programs = [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}, {"curl", "curl"}, {"Go-http-client", "a Go program"},
	}
	systems = [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// deviceName is what a user calls a device.
func deviceName(agent string) string {
	program, system := firstOf(programs, agent), firstOf(systems, agent)
	switch {
	case program != "" && system != "":
		return program + " on " + system
	case program != "" || system != "":
		return program + system
	case agent == "":
		return "Unknown device"
	}
	return excerpt(cleanLine(agent), 40)
}

func firstOf(names [][2]string, agent string) string {
	for _, name := range names {
		if strings.Contains(agent, name[0]) {
			return name[1]
		}
	}
	return ""
}

// ago says how long it has been.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return plural(int(d.Hours()), "hour ago", "hours ago")
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}
