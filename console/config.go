package console

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// Config is what a [Console] is made of. Source and Authorize are required.
type Config struct {
	// Source knows what is shown.
	Source Source
	// Authorize says who asks, by a name for the audit log, or why he may not:
	// an error that wraps ErrUnauthenticated is answered 401, any other 403. It
	// is asked for every request, also for files.
	Authorize func(r *http.Request) (operator string, err error)
	// Path is where the console is mounted. Defaults to "/console".
	Path string
	// Hosts are the names under which it may be reached, without ports; others
	// are answered 421, so that a foreign name which points to this machine gets
	// nothing. Nil means those of the machine itself: localhost, 127.0.0.1, ::1.
	Hosts []string
	// Secret guards forms. Servers behind one address share one; at least 32
	// bytes. Defaults to a random one.
	Secret []byte
	// Interval is how often numbers are taken for charts and live updates, and
	// History for how long they are kept: at most 1000 times Interval.
	// Interval defaults to 5 s, at least 100 ms; History to 30 min.
	Interval, History time.Duration
	// Title is the name of the site. Defaults to "Echoic".
	Title string
	// Home, if not empty, is a link back to the site.
	Home string
	// Logger gets what operators do, and failures. Defaults to discarding.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// ErrUnauthenticated is what Authorize wraps if nobody has signed in.
var ErrUnauthenticated = errors.New("console: nobody has signed in")

const (
	leastSecret  = 32
	mostSamples  = 1000
	leastSamples = 2
)

func (cfg Config) withDefaults() (Config, error) {
	if cfg.Path == "" {
		cfg.Path = "/console"
	}
	if cfg.Hosts == nil {
		cfg.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	if cfg.Secret == nil {
		cfg.Secret = make([]byte, leastSecret)
		rand.Read(cfg.Secret) // never fails
	}
	if cfg.Interval == 0 {
		cfg.Interval = 5 * time.Second
	}
	if cfg.History == 0 {
		cfg.History = min(30*time.Minute, mostSamples*cfg.Interval)
	}
	if cfg.Title == "" {
		cfg.Title = "Echoic"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Hosts, cfg.Secret = slices.Clone(cfg.Hosts), slices.Clone(cfg.Secret)
	return cfg, cfg.validate()
}

func (cfg Config) validate() error {
	switch {
	case cfg.Source == nil:
		return errors.New("console: Config.Source is nil: give what the console shows, an *echoic.App for example")
	case cfg.Authorize == nil:
		return errors.New("console: Config.Authorize is nil: the console shows URLs of visitors and purges, so say who may see it")
	case !strings.HasPrefix(cfg.Path, "/") || path.Clean(cfg.Path) != cfg.Path || cfg.Path == "/" || strings.ContainsAny(cfg.Path, ":*?#% \"<>"):
		return fmt.Errorf("console: Config.Path is %q: give a path such as /console, without a slash at its end", cfg.Path)
	case len(cfg.Secret) < leastSecret:
		return fmt.Errorf("console: Config.Secret has %d bytes: give at least %d random ones", len(cfg.Secret), leastSecret)
	case cfg.Interval < 100*time.Millisecond:
		return fmt.Errorf("console: Config.Interval is %v: give at least 100ms", cfg.Interval)
	case cfg.History < leastSamples*cfg.Interval || cfg.History > mostSamples*cfg.Interval:
		return fmt.Errorf("console: Config.History is %v: give %d to %d times Interval, which is %v", cfg.History, leastSamples, mostSamples, cfg.Interval)
	}
	return nil
}
