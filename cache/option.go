package cache

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Option modifies one call.
type Option func(*callOptions)

type callOptions struct {
	ttl     time.Duration
	hasTTL  bool
	version int
	hasVer  bool
	when    When
	tags    []string
	perUser bool
	stale   time.Duration
	jitter  float64
}

// TTL gives the value its time to live: Forever, or at least a millisecond to
// be stored. Zero or less stores nothing, and removes what is there.
func TTL(d time.Duration) Option {
	return func(o *callOptions) { o.ttl, o.hasTTL = d, true }
}

// Version makes the call use another version of the key than Config.Version.
func Version(n int) Option {
	return func(o *callOptions) { o.version, o.hasVer = n, true }
}

// WithTags gives the stored value tags. It carries those of the values that its
// loader read anyway.
func WithTags(tags ...string) Option {
	return func(o *callOptions) { o.tags = append(o.tags, tags...) }
}

// OnlyIfAbsent makes Set store only where nothing is.
func OnlyIfAbsent() Option { return func(o *callOptions) { o.when = IfAbsent } }

// OnlyIfPresent makes Set store only over an existing value.
func OnlyIfPresent() Option { return func(o *callOptions) { o.when = IfPresent } }

// PerUser lets GetOrSet store a value whose loader read something private, a
// session for example. The key must name the user. What is made with the value
// stays private.
func PerUser() Option { return func(o *callOptions) { o.perUser = true } }

// StaleFor lets GetOrSet return the value for d after its end, while one
// loader in the background makes the next.
func StaleFor(d time.Duration) Option { return func(o *callOptions) { o.stale = max(d, 0) } }

// Jitter shortens the time to live at random by up to the given part of it, 0
// to 1, so that values that were made together do not end together.
func Jitter(part float64) Option { return func(o *callOptions) { o.jitter = min(max(part, 0), 1) } }

// options applies opts over the cache's defaults.
func (c *Cache) options(opts []Option) (callOptions, error) {
	o := callOptions{ttl: c.cfg.TTL, version: c.cfg.Version}
	for _, opt := range opts {
		opt(&o)
	}
	if o.hasVer && o.version < 0 {
		return o, fmt.Errorf("cache: version %d: give zero or more", o.version)
	}
	if o.ttl > 0 && o.ttl != Forever {
		if o.jitter > 0 {
			o.ttl -= time.Duration(rand.Float64() * o.jitter * float64(o.ttl))
		}
		o.ttl = max(o.ttl, minTTL)
	}
	return o, nil
}
