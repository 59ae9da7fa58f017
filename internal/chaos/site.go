package chaos

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/ratelimit"
)

// The routes, which are also the kinds of bodies and classes of reports.
const (
	routePage     = "page"
	routeLive     = "live"
	routeFragment = "frag"
	routeMe       = "me"
	routeLogin    = "login"
	routeLogout   = "logout"
	routeEdit     = "edit"
	routeValue    = "value"
	routeSet      = "set"
	routeDelete   = "delete"
)

// The ways in which an edit is acknowledged.
const (
	editPurge = "purge" // the row is committed, then its tag is purged
	editTx    = "tx"    // row and purge are committed together
	editCrash = "crash" // as editTx, and then the process dies
)

// pageTTL is so long that nothing ends by itself in a test.
const pageTTL = 15 * time.Minute

// site is the small site of one app. Its rows are in Postgres.
type site struct {
	app    *echoic.App
	values cache.Typed[int64]
	rows   *pgxpool.Pool
	spent  *spending
	tests  trials
}

// createRows makes the table of the site's own data.
const createRows = `CREATE TABLE chaos_row (key text PRIMARY KEY, version bigint NOT NULL)`

func newSite(app *echoic.App, rows *pgxpool.Pool, limiter *ratelimit.Limiter) http.Handler {
	s := &site{app: app, values: cache.Of[int64](app.Cache), rows: rows, spent: newSpending()}
	e := echo.New()
	e.HideBanner = true
	e.Logger.SetOutput(io.Discard)
	e.Use(s.spent.measure, echomw.Recover(), middleware.Sessions(app.Sessions))
	e.GET("/page/:key", s.page, middleware.CachePage(app.Pages, pageTTL))
	e.GET("/live/:key", s.live)
	e.GET("/me", s.me)
	e.POST("/login/:user", s.login)
	e.POST("/logout", s.logout)
	e.POST("/edit/:key", s.edit)
	e.GET("/value/:key", s.value)
	e.PUT("/value/:key", s.set)
	e.DELETE("/value/:key", s.remove)
	e.GET("/stats", s.stats)
	s.routes(e)
	limited(e, limiter)
	return e
}

func rowTag(key string) string { return "row:" + key }

// version is the cached version of a row, which carries the row's tag.
func (s *site) version(ctx context.Context, key string) (int64, error) {
	return s.values.GetOrSet(ctx, "row:"+key, func(ctx context.Context) (version int64, err error) {
		defer s.spent.database(ctx)()
		ctx, cancel := context.WithTimeout(ctx, rowsTimeout)
		defer cancel()
		err = s.ownVersion(ctx, key, &version)
		return version, err
	}, cache.WithTags(rowTag(key)), cache.TTL(pageTTL))
}

// ownTries is how often the site asks its own database: all connections of the
// pool may have been ended since their last use.
const ownTries = 6

// ownVersion reads the version of a row.
func (s *site) ownVersion(ctx context.Context, key string, version *int64) (err error) {
	for range ownTries {
		err = s.rows.QueryRow(ctx, "SELECT version FROM chaos_row WHERE key = $1", key).Scan(version)
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return err
}

func (s *site) page(c echo.Context) error { return s.show(c, routePage) }
func (s *site) live(c echo.Context) error { return s.show(c, routeLive) }

func (s *site) show(c echo.Context, kind string) error {
	key := c.Param("key")
	version, err := s.version(c.Request().Context(), key)
	if err != nil {
		return away(c, err)
	}
	return c.String(http.StatusOK, Body{Kind: kind, Key: key, Version: version}.String())
}

func (s *site) me(c echo.Context) error {
	user := s.app.Sessions.UserID(c.Request().Context())
	if user == "" {
		return echo.ErrUnauthorized
	}
	return c.String(http.StatusOK, Body{Kind: routeMe, Key: user, User: user}.String())
}

func (s *site) login(c echo.Context) error {
	if err := s.app.Sessions.Login(c.Request().Context(), c.Param("user")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *site) logout(c echo.Context) error {
	if err := s.app.Sessions.Logout(c.Request().Context()); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// edit makes a new version of a row and acknowledges it when its tag is purged.
func (s *site) edit(c echo.Context) error {
	ctx, key, how := c.Request().Context(), c.Param("key"), c.QueryParam("how")
	var version int64
	own, cancel := context.WithTimeout(ctx, rowsTimeout)
	defer cancel()
	err := pgx.BeginFunc(own, s.rows, func(tx pgx.Tx) error {
		defer s.spent.database(ctx)()
		err := tx.QueryRow(own, "UPDATE chaos_row SET version = version + 1 WHERE key = $1 RETURNING version", key).Scan(&version)
		if err != nil || how == editPurge {
			return err
		}
		return s.purgeTx(own, tx, rowTag(key))
	})
	if err == nil && how == editCrash {
		err = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	if err == nil && how == editPurge {
		err = s.app.Cache.Purge(ctx, rowTag(key))
	}
	if err != nil {
		return echo.NewHTTPError(http.StatusServiceUnavailable, err.Error()).SetInternal(err)
	}
	return c.String(http.StatusOK, Body{Kind: routeEdit, Key: key, Version: version}.String())
}

func valueKey(c echo.Context) string { return "value:" + c.Param("key") }

// value shows a plain value; a miss is 404.
func (s *site) value(c echo.Context) error {
	version, found, err := s.values.Get(c.Request().Context(), valueKey(c))
	if err != nil {
		return err
	}
	if !found {
		return echo.ErrNotFound
	}
	return c.String(http.StatusOK, Body{Kind: routeValue, Key: c.Param("key"), Version: version}.String())
}

func (s *site) set(c echo.Context) error {
	version, err := strconv.ParseInt(c.QueryParam("version"), 10, 64)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	stored, err := s.values.Set(c.Request().Context(), valueKey(c), version, cache.TTL(pageTTL))
	return changed(c, stored, err)
}

func (s *site) remove(c echo.Context) error {
	removed, err := s.app.Cache.Delete(c.Request().Context(), valueKey(c))
	return changed(c, removed, err)
}

// changed acknowledges a change with 204. The cache hides failures of its store,
// so one that it does not report as done is not acknowledged: 202.
func changed(c echo.Context, done bool, err error) error {
	switch {
	case errors.Is(err, cache.ErrDegraded):
		return echo.NewHTTPError(http.StatusServiceUnavailable, err.Error())
	case err != nil:
		return err
	case !done:
		return c.NoContent(http.StatusAccepted)
	}
	return c.NoContent(http.StatusNoContent)
}
