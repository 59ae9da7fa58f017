package durable

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/session"
)

// leaseLasts is longer than any change takes.
const leaseLasts = time.Minute

// The first byte of what is in Redis.
const (
	isCopy  = 'c'
	isLease = 'l'
)

// quick bounds a call of Redis that belongs to a change: it has a time of its own,
// for what it cannot tell Redis costs all servers more.
func (s *Store) quick(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, cache.BudgetKey{}, (*cache.Budget)(nil)), s.times.fast)
}

// Fetch implements session.Store.
func (s *Store) Fetch(ctx context.Context, key string) (rec session.Record, found bool, err error) {
	if err := s.alive("fetch"); err != nil {
		return rec, false, err
	}
	id, ok := s.trusted()
	if !ok {
		return s.db.Fetch(ctx, key)
	}
	within, cancel := context.WithTimeout(ctx, s.times.fast)
	held, there, err := s.fast.Fetch(within, id+":"+key)
	cancel()
	// What was read counts if it was to be trusted all the time.
	if now, still := s.trusted(); err != nil || !still || now != id {
		return s.db.Fetch(ctx, key)
	}
	if there && len(held.Data) > 0 && held.Data[0] == isCopy {
		return session.Record{Data: held.Data[1:], Expiry: held.Expiry}, true, nil
	}
	rec, found, err = s.db.Fetch(ctx, key)
	if err != nil || !found {
		return rec, found, err
	}
	if there {
		// Somebody is about to write it; a lease that lasts too long was touched.
		if time.Until(held.Expiry) > 2*leaseLasts {
			_, _ = s.fast.Swap(ctx, id+":"+key, held.Data, session.Record{Data: held.Data, Expiry: time.Now().Add(leaseLasts)})
		}
		return rec, true, nil
	}
	return s.fill(ctx, id, key, rec)
}

// fill copies a session into Redis: what the database has after a lease is there.
// It returns what it found; known is what was read before.
func (s *Store) fill(ctx context.Context, id, key string, known session.Record) (session.Record, bool, error) {
	lease := newLease()
	inserted, err := s.fast.Insert(ctx, id+":"+key, lease)
	if err != nil || !inserted {
		return known, true, nil
	}
	rec, found, err := s.db.Fetch(ctx, key)
	if err != nil || !found {
		return rec, found, err
	}
	// If that fails, the lease ends by itself.
	_, _ = s.fast.Swap(ctx, id+":"+key, lease.Data, copyOf(rec))
	return rec, true, nil
}

func newLease() session.Record {
	return session.Record{Data: append([]byte{isLease}, rand.Text()...), Expiry: time.Now().Add(leaseLasts)}
}

func copyOf(rec session.Record) session.Record {
	return session.Record{Data: append([]byte{isCopy}, rec.Data...), Expiry: rec.Expiry}
}

// Insert implements session.Store.
func (s *Store) Insert(ctx context.Context, key string, rec session.Record) (inserted bool, err error) {
	return s.change(ctx, "insert", key, rec, func(ctx context.Context) (bool, error) { return s.db.Insert(ctx, key, rec) })
}

// Update implements session.Store. A touch, which has no data, leaves the copy as
// it is.
func (s *Store) Update(ctx context.Context, key string, rec session.Record) (updated bool, err error) {
	if rec.Data == nil {
		return s.touch(ctx, key, rec)
	}
	return s.change(ctx, "update", key, rec, func(ctx context.Context) (bool, error) { return s.db.Update(ctx, key, rec) })
}

// Swap implements session.Swapper. If the database has other data, the copy goes
// all the same: it may be why the caller has old ones.
func (s *Store) Swap(ctx context.Context, key string, old []byte, rec session.Record) (swapped bool, err error) {
	return s.change(ctx, "swap", key, rec, func(ctx context.Context) (bool, error) { return s.db.Swap(ctx, key, old, rec) })
}

// Remove implements session.Store.
func (s *Store) Remove(ctx context.Context, key string) (removed bool, err error) {
	return s.change(ctx, "remove", key, session.Record{}, func(ctx context.Context) (bool, error) { return s.db.Remove(ctx, key) })
}

// touch moves the expiry, in the database first. A copy whose expiry could not be
// moved ends too early, and is made anew.
func (s *Store) touch(ctx context.Context, key string, rec session.Record) (updated bool, err error) {
	if err := s.alive("update"); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.times.change)
	defer cancel()
	if updated, err = s.db.Update(ctx, key, rec); err != nil {
		return false, err
	}
	if id, ok := s.trusted(); ok {
		within, end := s.quick(context.WithoutCancel(ctx))
		defer end()
		if updated {
			_, _ = s.fast.Update(within, id+":"+key, session.Record{Expiry: rec.Expiry})
		} else {
			_, _ = s.fast.Remove(within, id+":"+key)
		}
	}
	return updated, nil
}

// change makes a change in the database, with a lease in the place of the copy, or
// behind Redis' back. rec is what the copy will be; without data there is none.
func (s *Store) change(ctx context.Context, op, key string, rec session.Record, apply func(context.Context) (bool, error)) (done bool, err error) {
	if err := s.alive(op); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.times.change)
	defer cancel()
	id, lease, ok := s.lease(ctx, key)
	if !ok {
		if err := s.leave(ctx); err != nil {
			return false, err
		}
		return apply(ctx)
	}
	if done, err = apply(ctx); err != nil {
		return false, err // what became of it is not known: the lease stays
	}
	if done {
		s.replace(ctx, id+":"+key, lease, rec)
	}
	return done, nil // if it did not change anything, its lease ends by itself
}

// replace puts the copy into the place of the lease. Where another one has put his
// there, and perhaps his copy already, it is not known which of both changes the
// database made last: a new lease says so, as after a removal. Leases are never
// removed, since one that is there may be that of another change, under which
// nobody else may make a copy.
func (s *Store) replace(ctx context.Context, at string, lease, rec session.Record) {
	ctx = context.WithoutCancel(ctx)
	if rec.Data != nil {
		within, cancel := s.quick(ctx)
		swapped, err := s.fast.Swap(within, at, lease.Data, copyOf(rec))
		cancel()
		if swapped && err == nil {
			return
		}
	}
	within, cancel := s.quick(ctx)
	err := s.fast.Put(within, at, newLease())
	cancel()
	if err == nil {
		return
	}
	// The change is made; if that cannot be said either, the epoch stays.
	within, cancel = context.WithTimeout(ctx, s.times.change)
	defer cancel()
	_ = s.leave(within)
}

// leaseTries is how often a lease is put: one late answer is not yet an outage.
const leaseTries = 2

// lease puts a lease in the place of a copy; false if that is not certain, or was
// not certain to be of the epoch in force.
func (s *Store) lease(ctx context.Context, key string) (id string, lease session.Record, ok bool) {
	for range leaseTries {
		if id, ok = s.current(ctx); !ok {
			return "", lease, false
		}
		lease = newLease()
		within, cancel := s.quick(ctx)
		err := s.fast.Put(within, id+":"+key, lease)
		cancel()
		if now, still := s.current(ctx); err == nil && still && now == id {
			return id, lease, true
		}
	}
	return "", lease, false
}
