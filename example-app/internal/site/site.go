package site

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/example-app/internal/accounts"
	"github.com/echoic-go/echoic/example-app/internal/database"
	"github.com/echoic-go/echoic/example-app/internal/quotes"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/templates"
)

// Config is what a [Site] is made of. All but Now and Logger are required.
type Config struct {
	// App has the caches and sessions.
	App *echoic.App
	// DB is where Quotes and Accounts are; health checks ask it.
	DB *database.DB
	// Quotes and Accounts must have been prepared.
	Quotes   *quotes.Repository
	Accounts *accounts.Accounts
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Logger gets requests and failures. Defaults to App.Logger.
	Logger *slog.Logger
}

// Site is the application. It is safe for concurrent use and holds nothing that
// has to be closed.
type Site struct {
	app       *echoic.App
	db        *database.DB
	quotes    *quotes.Repository
	accounts  *accounts.Accounts
	catalogue *catalogue
	assets    *assets
	now       func() time.Time
	log       *slog.Logger
	csrf      *session.CSRF // nil: forms have no tokens
	console   *console.Console
	overlay   *overlay // nil in production
	echo      *echo.Echo
	ended     chan struct{} // closed by EndStreams
	end       sync.Once
}

// New makes the site: it parses the templates and lays the routes.
func New(cfg Config) (*Site, error) {
	if cfg.App == nil || cfg.DB == nil || cfg.Quotes == nil || cfg.Accounts == nil {
		return nil, errors.New("site: Config needs App, DB, Quotes and Accounts: open all four")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = cfg.App.Logger
	}
	files, err := loadAssets(templates.App, "app/static")
	if err != nil {
		return nil, err
	}
	s := &Site{
		app: cfg.App, db: cfg.DB, quotes: cfg.Quotes, accounts: cfg.Accounts,
		catalogue: &catalogue{quotes: cfg.Quotes, cache: cfg.App.Cache, now: cfg.Now},
		assets:    files, now: cfg.Now, log: cfg.Logger, ended: make(chan struct{}),
	}
	if err := s.openForms(); err != nil {
		return nil, fmt.Errorf("site: forms: %w", err)
	}
	if err := s.openHoles(); err != nil {
		return nil, fmt.Errorf("site: holes: %w", err)
	}
	if err := s.openConsole(); err != nil {
		return nil, err
	}
	if cfg.App.Config.Env == echoic.Development {
		if s.overlay, err = newOverlay(files, cfg.Logger); err != nil {
			return nil, err
		}
	}
	renderer, err := s.renderer()
	if err != nil {
		return nil, fmt.Errorf("site: templates: %w", err)
	}
	s.echo = echo.New()
	s.echo.Renderer = renderer
	s.echo.HTTPErrorHandler = middleware.ErrorHandler(s.fail)
	s.echo.IPExtractor = echo.ExtractIPDirect()
	s.lay(s.echo)
	return s, nil
}

// ServeHTTP makes the Site a handler of net/http.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.overlay != nil {
		s.overlay.serve(w, r, s.echo)
		return
	}
	s.echo.ServeHTTP(w, r)
}

// EndStreams ends the answers that would not end by themselves: call it when the
// server is shut down.
func (s *Site) EndStreams() {
	s.end.Do(func() {
		close(s.ended)
		_ = s.console.Close() // never fails
	})
}

// renderer parses the templates: every page has a set of its own with the
// layout and the partials. With TEMPLATES_DIR they are those of that directory, as
// they are at each request.
func (s *Site) renderer() (*middleware.Renderer, error) {
	funcs := fragment.ContextFuncs{
		"mostQuoted": s.catalogue.mostQuoted,
		"topics":     s.catalogue.topics,
		"formToken":  s.formToken,
	}
	files, reload := s.app.Config.Templates(templates.App)
	return middleware.NewRenderer(middleware.RendererConfig{
		Files: files, Reload: reload, Fragments: s.app.Fragments, ContextFuncs: funcs,
		Parse: fragment.ParseConfig{
			Shared: []string{"app/layout.html", "app/partials.html"},
			Pages:  []string{"app/pages/*.html"},
			Funcs:  s.templateFuncs(),
		},
	})
}
