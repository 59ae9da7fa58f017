package failover

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

const (
	// recentTime is after how long everybody has heard of a purge.
	recentTime = 10 * time.Second
	// mostRecent is how many purged tokens are remembered.
	mostRecent = 10_000
)

// recent are the tokens and generations that this server has renewed in the last
// seconds. Peers that live in an outage already hear of that through the journal,
// a moment later: who joins them tells their fallback first, since what he has
// acknowledged himself he must not see any more.
type recent struct {
	mu   sync.Mutex
	keys map[string]time.Time
	over time.Time // until when there were too many
}

func (r *recent) add(keys []string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil {
		r.keys = make(map[string]time.Time)
	}
	if len(r.keys)+len(keys) > mostRecent {
		maps.DeleteFunc(r.keys, func(_ string, at time.Time) bool { return now.Sub(at) > recentTime })
	}
	if len(r.keys)+len(keys) > mostRecent {
		r.over = now.Add(recentTime)
		return
	}
	for _, key := range keys {
		r.keys[key] = now
	}
}

// list returns the keys, and false if there were too many.
func (r *recent) list(now time.Time) (keys []string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.keys, func(_ string, at time.Time) bool { return now.Sub(at) > recentTime })
	return slices.Collect(maps.Keys(r.keys)), now.After(r.over)
}

// note remembers an explicit change of tokens or generations.
func (s *Store) note(c *change) {
	if c.mild || c.counts || s.fallback == nil {
		return
	}
	var keys []string
	for i := range c.len() {
		if key := c.at(i); kindOf(s.cfg.Prefix, key) == control {
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 {
		s.recent.add(keys, time.Now())
	}
}

// brief tells the fallback of an outage that others began what this server has
// purged in the last seconds. A token that is missing is invalid.
func (s *Store) brief(ctx context.Context, id string) error {
	keys, ok := s.recent.list(time.Now())
	if !ok {
		return errManyPurges
	}
	if len(keys) == 0 {
		return nil
	}
	v := newView(s.fallback, id)
	if err := s.raise(ctx, v); err != nil {
		return err
	}
	for batch := range slices.Chunk(keys, forgetBatch) {
		if _, err := v.Delete(ctx, batch...); err != nil {
			return err
		}
	}
	return nil
}

// raise counts one more purge in a store, so that what was begun before tokens are
// deleted is not stored under those that are made anew.
func (s *Store) raise(ctx context.Context, b backend) error {
	_, err := b.Incr(ctx, s.cfg.Prefix+":t:seq", 1, nil)
	if errors.Is(err, cache.ErrNotFound) { // nothing was stored that could be wrong
		return nil
	}
	return err
}
