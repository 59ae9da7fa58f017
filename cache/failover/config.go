package failover

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Config says what a [Store] is made of. Only Primary is required.
type Config struct {
	// Primary is the store that is used while it answers. It has to be a
	// ManyStore, Expirer, Counter, Swapper and Lister too, to honour the
	// deadlines of contexts, and to wrap cache.ErrDegraded in errors that mean
	// that it is away; other errors are taken for answers. Close leaves it
	// open. Required.
	Primary cache.Store
	// Fallback is the store that is used meanwhile, with the same powers. It
	// should have few connections of its own. Close leaves it open. nil: calls
	// fail at once with cache.ErrDegraded.
	Fallback cache.Store

	// Probe reports whether the primary can be used. It gets the time Late.
	// Defaults to a Set of a control key, which also fails where only reading
	// works: on a replica, or without memory. (On a Cluster it asks one server
	// of many.)
	Probe func(ctx context.Context) error
	// Recover is called when a probe has succeeded, before the primary is
	// used: it tells the primary what the journal holds. Until it returns nil
	// the fallback stays in charge. It gets 30 seconds. nil: nothing to do.
	Recover func(ctx context.Context) error
	// Journal takes what other servers have to forget. nil: they are not told,
	// and the keys that have to go from the primary are kept in memory.
	Journal cache.Journal

	// Prefix as in cache.Config. Defaults to "echoic".
	Prefix string
	// Server is this server's name in the journal; no two have the same.
	// Defaults to a random one.
	Server string

	// Budget is what one call may take, primary and fallback together, where
	// its context has no cache.Budget, and again as much for every hundred of
	// its keys. (Keys, which may list any number, is only bound by a budget.)
	// 1ms to 1m. Defaults to 50ms.
	Budget time.Duration
	// Late is when the primary is given up in a call, and likewise longer with
	// many keys, so that some time is left for the fallback. At most Budget.
	// Defaults to three fifths of Budget.
	Late time.Duration
	// Failures within Window, and no more answers than failures meanwhile,
	// open the breaker whatever the probe says. 1 to 1000. Defaults to 5.
	Failures int
	// Window is the time in which Failures count. Defaults to 250ms.
	Window time.Duration
	// ProbeEvery is the time between two probes while open. Defaults to 250ms.
	ProbeEvery time.Duration
	// FallbackCalls is how many calls the fallback gets at once. Who comes when
	// they are taken gets cache.ErrDegraded: nobody waits. 1 to 1000. Defaults
	// to 4.
	FallbackCalls int

	// OnChange is called after every change of state, by one goroutine and in
	// order; while it runs, nothing is probed. nil: nobody.
	OnChange func(from, to State)
	// Logger gets one line for each change of state. Defaults to discarding
	// them.
	Logger *slog.Logger
	// Now is the clock by which purges get their numbers, as in cache.Config.
	// Defaults to time.Now.
	Now func() time.Time
}

const (
	defaultPrefix        = "echoic"
	defaultBudget        = 50 * time.Millisecond
	defaultFailures      = 5
	defaultWindow        = 250 * time.Millisecond
	defaultProbeEvery    = 250 * time.Millisecond
	defaultFallbackCalls = 4

	longestBudget = time.Minute
	mostCalls     = 1000
)

// fair is the shortest time in which the primary has to answer before it can be
// blamed: a call that had less, because little of a budget or of its caller's
// deadline was left, says nothing.
const fair = 25 * time.Millisecond

// withDefaults returns a checked copy with every field set that has a default.
func (cfg Config) withDefaults() (Config, error) {
	setDefault(&cfg.Prefix, defaultPrefix)
	setDefault(&cfg.Server, rand.Text())
	setDefault(&cfg.Budget, defaultBudget)
	setDefault(&cfg.Late, cfg.Budget/5*3)
	setDefault(&cfg.Failures, defaultFailures)
	setDefault(&cfg.Window, defaultWindow)
	setDefault(&cfg.ProbeEvery, defaultProbeEvery)
	setDefault(&cfg.FallbackCalls, defaultFallbackCalls)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg, cfg.validate()
}

func (cfg Config) validate() error {
	switch {
	case cfg.Budget < time.Millisecond || cfg.Budget > longestBudget:
		return fmt.Errorf("failover: Config.Budget is %v: give a duration from 1ms to %v", cfg.Budget, longestBudget)
	case cfg.Late <= 0 || cfg.Late > cfg.Budget:
		return fmt.Errorf("failover: Config.Late is %v: give a positive duration of at most the budget, %v", cfg.Late, cfg.Budget)
	case cfg.Failures < 1 || cfg.Failures > mostCalls:
		return fmt.Errorf("failover: Config.Failures is %d: give a number from 1 to %d", cfg.Failures, mostCalls)
	case cfg.Window <= 0 || cfg.ProbeEvery <= 0:
		return errors.New("failover: Config.Window and ProbeEvery must not be negative: leave them zero for the defaults")
	case cfg.FallbackCalls < 1 || cfg.FallbackCalls > mostCalls:
		return fmt.Errorf("failover: Config.FallbackCalls is %d: give a number from 1 to %d", cfg.FallbackCalls, mostCalls)
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// backend is a store with all powers.
type backend interface {
	cache.Store
	cache.ManyStore
	cache.Expirer
	cache.Counter
	cache.Swapper
	cache.Lister
}

// powerful returns store as a backend, or says what it lacks.
func powerful(field string, store cache.Store) (backend, error) {
	if b, ok := store.(backend); ok {
		return b, nil
	}
	return nil, fmt.Errorf("failover: Config.%s is a %T, which lacks some of ManyStore, Expirer, Counter, Swapper and Lister: use a store that has them all", field, store)
}
