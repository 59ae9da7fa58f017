package cachetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var leaseChecks = []cacheCheck{
	{"OncePerCluster", "GetOrSet runs the loader of a hot key at most once among all servers that share the store.", func(e *cacheEnv) {
		servers := e.servers(3)
		for round := range 5 {
			key := "k" + itoa(round)
			var runs atomic.Int64
			var group sync.WaitGroup
			for i := range 30 {
				group.Go(func() {
					v, err := cache.Of[string](servers[i%len(servers)]).GetOrSet(e.Context(), key, func(context.Context) (string, error) {
						runs.Add(1)
						time.Sleep(20 * time.Millisecond) // the others come meanwhile
						return "x", nil
					}, cache.TTL(time.Hour))
					if err != nil || v != "x" {
						e.broken("GetOrSet = %q, %v", v, err)
					}
				})
			}
			group.Wait()
			e.ran(&runs, 1)
		}
	}},
	{"FailedHandsOver", "A loader that failed keeps no server from running its own.", func(e *cacheEnv) {
		servers := e.servers(2)
		_, err := cache.Of[string](servers[0]).GetOrSet(e.Context(), "k", func(context.Context) (string, error) { return "", errLoader })
		if !errors.Is(err, errLoader) {
			e.broken("GetOrSet: %v, want the loader's error", err)
		}
		var runs atomic.Int64
		e.loadsIn(servers[1], "k", "x", counting(&runs, "x"))
		e.ran(&runs, 1)
	}},
	{"PrivateDoesNotQueue", "What cannot be kept for others makes no server wait for it.", func(e *cacheEnv) {
		servers := e.servers(2)
		private := func(inside func()) func(context.Context) (string, error) {
			return func(ctx context.Context) (string, error) {
				cache.Private(ctx, "test")
				inside()
				return "x", nil
			}
		}
		e.loadsIn(servers[0], "k", "x", private(func() {}))
		var inside, group sync.WaitGroup
		inside.Add(len(servers))
		for _, c := range servers {
			group.Go(func() {
				// Nobody leaves before all have entered.
				e.loadsIn(c, "k", "x", private(func() { inside.Done(); inside.Wait() }))
			})
		}
		group.Wait()
	}},
	{"PurgedBeforeRefill", "A key that was purged just after it was filled is filled again at once.", func(e *cacheEnv) {
		servers := e.servers(2)
		var runs atomic.Int64
		for range 3 {
			for _, c := range servers {
				e.loadsIn(c, "k", "x", counting(&runs, "x"), cache.WithTags("t"), cache.TTL(time.Hour))
			}
			e.ok("Purge", servers[0].Purge(e.Context(), "t"))
		}
		e.ran(&runs, 3)
	}},
	{"StoreAway", "Leases exclude nobody while the store is away: loaders run.", func(e *cacheEnv) {
		c, store := e.onSpy(cache.Config{IgnoreErrors: true})
		store.broken.Store(true)
		v, err := cache.Of[string](c).GetOrSet(e.Context(), "k", func(context.Context) (string, error) { return "x", nil })
		if err != nil || v != "x" {
			e.broken("GetOrSet = %q, %v", v, err)
		}
	}},
}

var lockChecks = []cacheCheck{
	{"Excludes", "A lock has one holder among all servers, until it is given back.", func(e *cacheEnv) {
		servers := e.servers(2)
		lock, err := servers[0].TryLock(e.Context(), "job", time.Minute)
		e.ok("TryLock", err)
		if lock == nil {
			e.brokenNow("a free lock was not taken")
		}
		for _, c := range servers {
			if again, err := c.TryLock(e.Context(), "job", time.Minute); again != nil || err != nil {
				e.broken("TryLock of a lock that is held: %v, %v", again, err)
			}
		}
		if held, err := lock.Unlock(e.Context()); !held || err != nil {
			e.broken("Unlock = %v, %v", held, err)
		}
		next, err := servers[1].TryLock(e.Context(), "job", time.Minute)
		e.ok("TryLock", err)
		if next == nil {
			e.brokenNow("a lock that was given back was not taken")
		}
		if held, err := lock.Unlock(e.Context()); held || err != nil {
			e.broken("Unlock of a lock that somebody else holds = %v, %v", held, err)
		}
		if held, err := next.Renew(e.Context()); !held || err != nil {
			e.broken("Renew after another's Unlock = %v, %v", held, err)
		}
	}},
	{"TTL", "A lock is free again when its time is over, and its holder is told.", func(e *cacheEnv) {
		lock, err := e.c.TryLock(e.Context(), "job", brief)
		e.ok("TryLock", err)
		next, err := e.c.Lock(e.Context(), "job", time.Minute)
		e.ok("Lock", err)
		if lock == nil || next == nil {
			e.brokenNow("locks: %v, %v", lock, next)
		}
		if held, err := lock.Renew(e.Context()); held || err != nil {
			e.broken("Renew of a lost lock = %v, %v", held, err)
		}
	}},
	{"Waits", "Lock waits no longer than its context.", func(e *cacheEnv) {
		_, err := e.c.TryLock(e.Context(), "job", time.Minute)
		e.ok("TryLock", err)
		ctx, cancel := context.WithTimeout(e.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := e.c.Lock(ctx, "job", time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			e.broken("Lock: %v, want an error that wraps %v", err, context.DeadlineExceeded)
		}
	}},
	{"Degraded", "While the store is away a lock is ErrDegraded, also under IgnoreErrors: no exclusion is promised.", func(e *cacheEnv) {
		c, store := e.onSpy(cache.Config{IgnoreErrors: true})
		lock, err := c.TryLock(e.Context(), "job", time.Minute)
		e.ok("TryLock", err)
		store.broken.Store(true)
		_, tryErr := c.TryLock(e.Context(), "other", time.Minute)
		_, renewErr := lock.Renew(e.Context())
		_, unlockErr := lock.Unlock(e.Context())
		for call, err := range map[string]error{"TryLock": tryErr, "Renew": renewErr, "Unlock": unlockErr} {
			if !errors.Is(err, cache.ErrDegraded) {
				e.broken("%s: %v, want an error that wraps %q", call, err, cache.ErrDegraded)
			}
		}
	}},
	{"Names", "A lock without a name or time is an error that says so.", func(e *cacheEnv) {
		_, nameless := e.c.TryLock(e.Context(), "", time.Minute)
		_, timeless := e.c.TryLock(e.Context(), "job", 0)
		if nameless == nil || timeless == nil {
			e.broken("TryLock: %v, %v", nameless, timeless)
		}
	}},
}

// servers makes caches that share everything, as several servers do.
func (e *cacheEnv) servers(n int) []*cache.Cache {
	e.Helper()
	list := make([]*cache.Cache, n)
	for i := range list {
		list[i], _ = e.onSpy(cache.Config{})
	}
	return list
}
