package journal

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"
)

// Config says where the journal is and how long it remembers. Only URL is
// required, and only by Open.
type Config struct {
	// URL is the database, for Open:
	//
	//	postgres://user:password@host:port/database?sslmode=…
	//	sqlite:///absolute/path.db
	//	sqlite:relative/path.db
	//	sqlite::memory:                an own database, for tests
	//
	// The password is shown in no error and no log line.
	URL string
	// MaxConns is the most connections for reading and writing, for Open. One
	// more listens. 1 to 10000. Defaults to 4.
	MaxConns int
	// AutoCreate creates the tables if they are missing before the journal is
	// returned. Otherwise `echoic create-tables` or CreateTable does it.
	AutoCreate bool

	// Domain is whose rows these are: several applications can share a table,
	// and none sees the rows of another. It is the prefix of the caches that
	// the rows are about. At most 200 bytes of UTF-8. Defaults to "echoic".
	Domain string
	// Table is the table's name: letters, digits and underscores, at most 63,
	// not starting with a digit, and if need be a schema (or for SQLite an
	// attached database) and a dot in front. Case matters. The table with what
	// is known of each domain is called the same with "_state" behind. Defaults
	// to "echoic_journal".
	Table string
	// Retention is how long rows are kept: as long as the longest entry or
	// session that they guard. A store that was away for longer loses all that
	// it has. At least one second. Defaults to 31 days.
	Retention time.Duration
	// PruneInterval is how often rows older than that are removed. Defaults to
	// one hour, or Retention if that is less; negative: never, for servers that
	// leave it to another one.
	PruneInterval time.Duration
	// Poll is how often the journal is looked at if nothing wakes it. 1ms to
	// 500ms. Defaults to 500ms; SQLite is asked every 25ms whether anything has
	// changed, which is cheap.
	Poll time.Duration
	// Logger gets one line when the journal goes away and one when it is back.
	// Defaults to discarding them.
	Logger *slog.Logger
}

const (
	defaultMaxConns      = 4
	mostConns            = 10_000
	defaultDomain        = "echoic"
	longestDomain        = 200
	defaultTable         = "echoic_journal"
	defaultRetention     = 31 * 24 * time.Hour
	shortestRetention    = time.Second
	defaultPruneInterval = time.Hour
	mostPoll             = 500 * time.Millisecond
)

// withDefaults returns a checked copy with every field set.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.MaxConns == 0 {
		cfg.MaxConns = defaultMaxConns
	}
	if cfg.Domain == "" {
		cfg.Domain = defaultDomain
	}
	if cfg.Table == "" {
		cfg.Table = defaultTable
	}
	if cfg.Retention == 0 {
		cfg.Retention = defaultRetention
	}
	if cfg.PruneInterval == 0 {
		cfg.PruneInterval = min(defaultPruneInterval, cfg.Retention)
	}
	if cfg.Poll == 0 {
		cfg.Poll = mostPoll
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg, cfg.validate()
}

func (cfg Config) validate() error {
	switch {
	case cfg.MaxConns < 0 || cfg.MaxConns > mostConns:
		return fmt.Errorf("journal: Config.MaxConns is %d: give a number from 1 to %d, or 0 for the default", cfg.MaxConns, mostConns)
	case len(cfg.Domain) > longestDomain || !utf8.ValidString(cfg.Domain) || strings.ContainsRune(cfg.Domain, 0):
		return fmt.Errorf("journal: Config.Domain is %.40q: give at most %d bytes of UTF-8 without NUL", cfg.Domain, longestDomain)
	case cfg.Retention < shortestRetention:
		return fmt.Errorf("journal: Config.Retention is %v: give at least %v, or 0 for %v", cfg.Retention, shortestRetention, defaultRetention)
	case cfg.Poll < time.Millisecond || cfg.Poll > mostPoll:
		return fmt.Errorf("journal: Config.Poll is %v: give a duration from 1ms to %v", cfg.Poll, mostPoll)
	}
	return nil
}

// forGiven is withDefaults for a Config that comes with connections, or needs
// none.
func (cfg Config) forGiven() (Config, table, error) {
	if cfg.URL != "" || cfg.MaxConns != 0 {
		return cfg, table{}, fmt.Errorf("journal: Config.URL and MaxConns are for Open: leave them empty here")
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return cfg, table{}, err
	}
	t, err := parseTable(cfg.Table)
	return cfg, t, err
}
