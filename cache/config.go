package cache

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Config is what a [Cache] is made of. Only Store is required.
type Config struct {
	// Store keeps the values. The cache does not close it: who opened it does.
	Store Store
	// Prefix is the first part of every key, so that several applications
	// can share a store. Letters, digits and ".-_:"; the single letters
	// v, p, f, t and l cannot stand alone between colons. Defaults to "echoic".
	Prefix string
	// Version is the version of keys for which no other is given, as in
	// Django. Positive. Defaults to 1.
	Version int
	// TTL is the time to live of values for which none is given. Positive or
	// Forever. Defaults to DefaultTTL.
	TTL time.Duration
	// Codec turns values into bytes. Defaults to CBOR. It is recorded with
	// every value, so that it can be changed on a live system.
	Codec Codec
	// Compressor makes values of at least CompressFrom bytes smaller.
	// Defaults to Zlib; NoCompression switches it off. Recorded as Codec is.
	Compressor Compressor
	// CompressFrom is in bytes. Defaults to 1024.
	CompressFrom int
	// MaxValueBytes bounds one encoded value. Defaults to 8 MiB.
	MaxValueBytes int
	// IgnoreErrors turns failures of the store into misses and no-ops, which
	// are counted and logged; calls that return a number return ErrDegraded.
	// Errors that the caller made (a bad key, a value that is too large)
	// are returned all the same. Defaults to false.
	IgnoreErrors bool
	// Tags is the domain of tags. The caches of one site share one, so that
	// a purge reaches all of them. Defaults to a domain of its own in Store.
	Tags *Tags
	// Near holds decoded values, pages, fragments and tokens in this process.
	// It must hear of changes of Store by others. Defaults to none.
	Near Near
	// Journal is what Clear is written to before it is acknowledged, and where
	// Tags is nil also a purge. Defaults to none.
	Journal Journal
	// JournalLast as in TagsConfig.
	JournalLast bool
	// LoadTimeout bounds a loader of GetOrSet. Defaults to 30 s.
	LoadTimeout time.Duration
	// Logger gets failures that IgnoreErrors hides and those of background
	// work. Defaults to discarding them.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

const (
	defaultPrefix       = "echoic"
	defaultCompressFrom = 1 << 10
	defaultMaxValue     = 8 << 20
	defaultLoadTimeout  = 30 * time.Second
)

// withDefaults returns a checked copy with every field set.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.Store == nil {
		return cfg, errors.New("cache: Config.Store is nil: open one of the stores (memory, database, redis, null) and set it")
	}
	setDefault(&cfg.Prefix, defaultPrefix)
	setDefault(&cfg.Version, 1)
	setDefault(&cfg.TTL, DefaultTTL)
	setDefault(&cfg.CompressFrom, defaultCompressFrom)
	setDefault(&cfg.MaxValueBytes, defaultMaxValue)
	setDefault(&cfg.LoadTimeout, defaultLoadTimeout)
	if cfg.Codec == nil {
		cfg.Codec = CBOR
	}
	if cfg.Compressor == nil {
		cfg.Compressor = Zlib
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg, cfg.validate()
}

func (cfg Config) validate() error {
	if err := checkPrefix(cfg.Prefix); err != nil {
		return err
	}
	switch {
	case cfg.Version < 0:
		return fmt.Errorf("cache: Config.Version is %d: give a positive number", cfg.Version)
	case cfg.TTL < 0:
		return fmt.Errorf("cache: Config.TTL is %v: give a positive duration or Forever", cfg.TTL)
	case cfg.CompressFrom < 0:
		return fmt.Errorf("cache: Config.CompressFrom is %d: give bytes, or NoCompression as Compressor", cfg.CompressFrom)
	case cfg.MaxValueBytes < 0:
		return fmt.Errorf("cache: Config.MaxValueBytes is %d: give a positive number of bytes", cfg.MaxValueBytes)
	case cfg.LoadTimeout < 0:
		return fmt.Errorf("cache: Config.LoadTimeout is %v: give a positive duration", cfg.LoadTimeout)
	}
	return nil
}

// checkPrefix keeps the keys of different prefixes apart: what stands between
// the prefix and the rest is one of the reserved letters.
func checkPrefix(prefix string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:"
	if len(prefix) > 100 {
		return fmt.Errorf("cache: prefix %.20q… has %d bytes: at most 100 are allowed", prefix, len(prefix))
	}
	if strings.Trim(prefix, allowed) != "" {
		return fmt.Errorf(`cache: prefix %q: only letters, digits and ".-_:" are allowed`, prefix)
	}
	for part := range strings.SplitSeq(prefix, ":") {
		switch part {
		case "", "v", "p", "f", "t", "l":
			return fmt.Errorf("cache: prefix %q: the part %q between colons is reserved: choose another", prefix, part)
		}
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// CheckPrefix returns what is wrong with a prefix, if anything.
func CheckPrefix(prefix string) error { return checkPrefix(prefix) }
