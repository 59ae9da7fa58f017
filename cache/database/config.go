package database

import (
	"fmt"
	"log/slog"
	"time"
)

// Config says where the table is and how it is looked after. Only URL is
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
	// MaxConns is the most connections, for Open; who finds none free waits as
	// long as its context allows. 1 to 10000. Defaults to the URL's
	// pool_max_conns, and without that to 4 or the number of CPUs, whichever
	// is more; for SQLite to 8.
	MaxConns int
	// NoWait lets a call that finds all MaxConns connections in use fail at once
	// with an error that wraps cache.ErrDegraded: for a store that others fall
	// back on, whose load must not queue up in front of the database. MaxConns
	// then defaults to 4. Only for Open. Defaults to false.
	NoWait bool
	// AutoCreate creates the table if it is missing before the store is
	// returned. Otherwise `echoic create-tables` or CreateTable does it.
	AutoCreate bool

	// Table is the table's name: letters, digits and underscores, at most 63,
	// not starting with a digit, and if need be a schema (or for SQLite an
	// attached database) and a dot in front. Case matters. Defaults to
	// "echoic_cache".
	Table string
	// Unlogged creates the table without a write-ahead log, on Postgres: about
	// twice as fast to write, not on replicas, and empty after a crash of the
	// server, which costs a cache no more than misses. It has no effect on a
	// table that exists. Defaults to false.
	Unlogged bool
	// MaxEntries is the most rows that the table keeps, of all prefixes
	// together. Above it the least recently written ones are removed in the
	// background, those without expiry last, so the number may be exceeded
	// for a moment by a tenth. Defaults to 0: no limit.
	MaxEntries int
	// PurgeInterval is how often rows that have expired are removed. Until
	// then they take space and nothing else. Defaults to one minute; negative:
	// never, for servers that leave it to another one.
	PurgeInterval time.Duration
	// Logger gets failures of the work in the background: one line when it
	// begins to fail. Defaults to discarding them.
	Logger *slog.Logger
}

const (
	defaultTable         = "echoic_cache"
	defaultPurgeInterval = time.Minute
	mostConns            = 10_000
	// spareConns is how many connections a store has that others fall back on.
	spareConns = 4
)

// withDefaults returns a checked copy with every field set.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.Table == "" {
		cfg.Table = defaultTable
	}
	if cfg.PurgeInterval == 0 {
		cfg.PurgeInterval = defaultPurgeInterval
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.NoWait && cfg.MaxConns == 0 {
		cfg.MaxConns = spareConns
	}
	if cfg.MaxEntries < 0 {
		return cfg, fmt.Errorf("database: Config.MaxEntries is %d: give a positive number, or 0 for no limit", cfg.MaxEntries)
	}
	if cfg.MaxConns < 0 || cfg.MaxConns > mostConns {
		return cfg, fmt.Errorf("database: Config.MaxConns is %d: give a number from 1 to %d, or 0 for the default", cfg.MaxConns, mostConns)
	}
	return cfg, nil
}
