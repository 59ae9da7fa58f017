package near

import (
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Config bounds a [Tier]. The zero value is ready to use.
type Config struct {
	// MaxBytes is the most memory that everything held may take, in bytes, keys
	// and bookkeeping included. At least 64 KiB. Defaults to 64 MiB.
	MaxBytes int64
	// ControlBytes is the part of MaxBytes that is kept for control keys, the
	// tokens of tags and the generations: however many pages there are, they
	// do not push out what tells whether they are valid. A token takes about
	// 400 bytes. At least 4 KiB, at most half of MaxBytes. Defaults to an
	// eighth of MaxBytes.
	ControlBytes int64
	// MaxEntries is the most values held at once, control keys not counted.
	// Defaults to as many as MaxBytes allows.
	MaxEntries int
	// MaxTTL is the longest time for which a value is held without being read
	// from the store again. It bounds how long something out of date can be
	// served if an invalidation is lost in a way that nobody notices, and how
	// long the tier can help out while the store is away. At least 1ms.
	// Defaults to one minute.
	MaxTTL time.Duration
	// MaxWatched is the most keys that can be watched at once; a watch beyond
	// ends as it begins. Defaults to 10000.
	MaxWatched int
	// Prefixes are those of the caches whose values are held. A key that goes
	// on with ":t:" behind one of them is a control key. Defaults to "echoic".
	Prefixes []string
	// Logger gets one line for each change between verified and unverified.
	// Defaults to discarding them.
	Logger *slog.Logger
	// Now is the clock by which values expire; it must be safe for concurrent
	// use. Defaults to a clock that is not moved when the system's time is set.
	Now func() time.Time
}

const (
	defaultMaxBytes     = 64 << 20
	leastMaxBytes       = 64 << 10
	controlPart         = 8
	leastControlBytes   = 4 << 10
	defaultMaxTTL       = time.Minute
	defaultMaxWatched   = 10_000
	defaultPrefix       = "echoic"
	leastMaxTTL         = time.Millisecond
	controlMark         = ":t:"
	largestControlShare = 2 // ControlBytes is at most MaxBytes divided by it
)

// withDefaults returns a checked copy with every bound set.
func (cfg Config) withDefaults() (Config, error) {
	setDefault(&cfg.MaxBytes, defaultMaxBytes)
	setDefault(&cfg.MaxTTL, defaultMaxTTL)
	setDefault(&cfg.MaxWatched, defaultMaxWatched)
	if cfg.MaxBytes < leastMaxBytes {
		return cfg, fmt.Errorf("near: Config.MaxBytes is %d: give at least %d bytes, or 0 for %d", cfg.MaxBytes, leastMaxBytes, defaultMaxBytes)
	}
	setDefault(&cfg.ControlBytes, cfg.MaxBytes/controlPart)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Prefixes) == 0 {
		cfg.Prefixes = []string{defaultPrefix}
	}
	cfg.Prefixes = slices.Clone(cfg.Prefixes)
	switch most := cfg.MaxBytes / largestControlShare; {
	case cfg.ControlBytes < leastControlBytes || cfg.ControlBytes > most:
		return cfg, fmt.Errorf("near: Config.ControlBytes is %d: give %d to %d bytes, or 0 for an eighth of MaxBytes", cfg.ControlBytes, leastControlBytes, most)
	case cfg.MaxEntries < 0:
		return cfg, fmt.Errorf("near: Config.MaxEntries is %d: give a positive number, or 0 for as many as MaxBytes allows", cfg.MaxEntries)
	case cfg.MaxTTL < leastMaxTTL:
		return cfg, fmt.Errorf("near: Config.MaxTTL is %v: give at least %v, or 0 for %v", cfg.MaxTTL, leastMaxTTL, defaultMaxTTL)
	case cfg.MaxWatched < 0:
		return cfg, fmt.Errorf("near: Config.MaxWatched is %d: give a positive number, or 0 for %d", cfg.MaxWatched, defaultMaxWatched)
	case slices.Contains(cfg.Prefixes, ""):
		return cfg, fmt.Errorf("near: Config.Prefixes %q has an empty one: name the prefixes of the caches, or none for %q", cfg.Prefixes, defaultPrefix)
	}
	return cfg, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
