package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"
)

// Lock is a named lock that one holder at a time has, among all servers that
// share the store, until it is given back or its time is over. It is safe for
// concurrent use.
//
// Its time can be over while the holder still works, after a long pause for
// example: what must not happen twice even then has to be refused by whatever it
// happens to, a database constraint for example.
type Lock struct {
	c     *Cache
	name  string
	key   string
	token []byte
	ttl   time.Duration
}

// TryLock takes the lock for ttl if nobody has it, and returns nil if somebody
// has. While the store is away it is ErrDegraded, also under IgnoreErrors: no
// exclusion could be promised.
func (c *Cache) TryLock(ctx context.Context, name string, ttl time.Duration) (*Lock, error) {
	l, err := c.newLock(name, ttl)
	if err != nil {
		return nil, err
	}
	held, err := c.store.Set(ctx, l.key, l.token, ttl, IfAbsent)
	if err = c.degraded(ctx, "lock", err); err != nil || !held {
		return nil, err
	}
	return l, nil
}

// Lock takes the lock for ttl, and waits for it as long as ctx allows.
func (c *Cache) Lock(ctx context.Context, name string, ttl time.Duration) (*Lock, error) {
	for pause := lockPause; ; pause = min(2*pause, lockPauseMost) {
		l, err := c.TryLock(ctx, name, ttl)
		if l != nil || err != nil {
			return l, err
		}
		if err := rest(ctx, pause, nil); err != nil {
			return nil, fmt.Errorf("cache: waiting for the lock %q: %w", name, err)
		}
	}
}

const (
	lockPause     = 5 * time.Millisecond
	lockPauseMost = 100 * time.Millisecond
)

func (c *Cache) newLock(name string, ttl time.Duration) (*Lock, error) {
	switch {
	case name == "":
		return nil, errors.New("cache: lock: the name is empty: give it one")
	case ttl < minTTL:
		return nil, fmt.Errorf("cache: lock %q: the time to live is %v: give at least a millisecond", name, ttl)
	}
	if _, ok := c.store.(Swapper); !ok {
		return nil, fmt.Errorf("cache: lock %q: %w: it cannot release a lock safely", name, ErrUnsupported)
	}
	if err := c.open(); err != nil {
		return nil, err
	}
	return &Lock{c: c, name: name, key: c.lockKey("lock", name), token: []byte(rand.Text()), ttl: ttl}, nil
}

// lockKey is the key of a lock or lease.
func (c *Cache) lockKey(kind, name string) string {
	return c.cfg.Prefix + ":l:" + hash([]byte(kind+"\x00"+name))
}

// Renew gives the lock its time again, counted from now, and reports whether it
// was still held. False means that somebody else may have it.
func (l *Lock) Renew(ctx context.Context) (bool, error) {
	held, err := l.c.swap(ctx, l.key, l.token, l.token, l.ttl)
	return held && err == nil, l.c.degraded(ctx, "renew lock", err)
}

// Unlock gives the lock back and reports whether it was still held. It never
// takes it from another holder.
func (l *Lock) Unlock(ctx context.Context) (bool, error) {
	held, err := l.c.swap(ctx, l.key, l.token, nil, Forever)
	return held && err == nil, l.c.degraded(ctx, "unlock", err)
}

// rest waits for about d, or until changed is closed: the share of chance keeps
// many from trying in step. An error is the context's.
func rest(ctx context.Context, d time.Duration, changed <-chan struct{}) error {
	timer := time.NewTimer(d/2 + mathrand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-ctx.Done():
	}
	return ctx.Err()
}
