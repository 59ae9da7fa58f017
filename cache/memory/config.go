package memory

import (
	"fmt"
	"time"
)

// Config bounds a [Store]. The zero value is ready to use.
type Config struct {
	// MaxEntries is the most values that are held at once. Defaults to 1000.
	MaxEntries int
	// MaxBytes is the most memory that the values may take, in bytes, keys and
	// bookkeeping included. A single value above it is not stored. At least
	// 4096. Defaults to 64 MiB.
	MaxBytes int64
	// Now is the clock by which values expire; it must be safe for concurrent
	// use. Defaults to a clock that starts at time.Now and is not moved when
	// the system's time is set.
	Now func() time.Time
}

const (
	defaultMaxEntries = 1000
	defaultMaxBytes   = 64 << 20
	leastMaxBytes     = 4 << 10
)

// withDefaults returns a checked copy with the limits set.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.MaxEntries == 0 {
		cfg.MaxEntries = defaultMaxEntries
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	if cfg.MaxEntries < 0 {
		return cfg, fmt.Errorf("memory: Config.MaxEntries is %d: give a positive number, or 0 for %d", cfg.MaxEntries, defaultMaxEntries)
	}
	if cfg.MaxBytes < leastMaxBytes {
		return cfg, fmt.Errorf("memory: Config.MaxBytes is %d: give at least %d bytes, or 0 for %d", cfg.MaxBytes, leastMaxBytes, defaultMaxBytes)
	}
	return cfg, nil
}
