package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"
)

// Compat keeps the sessions of an existing scs application alive until their
// lifetime has passed. Take it away after that.
type Compat struct {
	// CookieName is the name that the application's cookie had, if it was another
	// one: it is read where Cookie.Name is absent. New tokens go into the new
	// cookie.
	CookieName string
	// UnhashedTokens says that the application did not hash tokens
	// (HashTokenInStore was false), and Config.HashTokens does now.
	UnhashedTokens bool
}

// A session moves from the old place to the new one in three steps. First a mark is
// inserted at its new key, if nothing is there; then the old record is removed, by
// one request alone; that one puts the data in the place of the mark. The mark is no
// session, so that nobody has one that might end at the old place at the same time;
// and who ends it at the new place takes the mark or the data away, or leaves a
// tombstone, which keeps the mark out: a server of the old application that is
// slow could bring the old record back.
const (
	migrating = "\xec\x53\x00migrating"
	tombstone = "\xec\x53\x00ended"
	// migrateWithin is how long the three steps may take.
	migrateWithin = 30 * time.Second
	// migrateWaits are the times that a request waits for another one which moves
	// the session, 2 to 100 ms each.
	migrateWaits = 12
)

// errMigrating is a session that another request has been moving for too long.
var errMigrating = errors.New("session: it is being moved from the old store by another request")

// checkMigration says what does not fit together.
func (cfg Config) checkMigration() error {
	_, swaps := cfg.Store.(Swapper)
	switch {
	case cfg.MigrateFrom == nil && !cfg.Compat.UnhashedTokens:
		return nil
	case cfg.Compat.UnhashedTokens && !cfg.HashTokens:
		return errors.New("session: Config.Compat.UnhashedTokens without HashTokens: set both, or neither")
	case cfg.MigrateFrom != nil && reflect.TypeOf(cfg.Store).Comparable() && cfg.MigrateFrom == cfg.Store:
		return errors.New("session: Config.MigrateFrom is Config.Store: leave it out, sessions that are there are found")
	case !swaps:
		return fmt.Errorf("session: Config.Store %T cannot take over sessions: it does not implement session.Swapper", cfg.Store)
	}
	return nil
}

// old returns where sessions come from, and under which key that of token is there.
// It is nil if they come from nowhere.
func (s *settings) old(token string) (store Store, key string) {
	switch {
	case s.migrate == nil:
		return nil, ""
	case s.unhashed:
		return s.migrate, token
	}
	return s.migrate, s.storeKey(token)
}

// find returns the record of a token, and takes it over from the old place.
func (m *Manager) find(ctx context.Context, token string) (rec Record, found bool, err error) {
	conf := m.conf()
	key := conf.storeKey(token)
	rec, found, err = m.fetch(ctx, key)
	from, oldKey := conf.old(token)
	if found && string(rec.Data) != migrating || err != nil || from == nil || m.ended.has(key) {
		return rec, found, err
	}
	for n := range migrateWaits {
		rec, found, err = m.take(ctx, from, oldKey, key)
		if !errors.Is(err, errMigrating) {
			return rec, found, err
		}
		if err := pause(ctx, min(2*time.Millisecond<<n, 100*time.Millisecond)); err != nil {
			return Record{}, false, &StoreError{Op: opMigrate, Err: err}
		}
	}
	return Record{}, false, &StoreError{Op: opMigrate, Err: errMigrating}
}

// take makes one attempt to move a session. It returns errMigrating if another
// request is at it.
func (m *Manager) take(ctx context.Context, from Store, oldKey, key string) (rec Record, found bool, err error) {
	var old Record
	err = m.ask(ctx, opLoad, func(ctx context.Context, _ Store) (err error) {
		old, found, err = from.Fetch(ctx, oldKey)
		return err
	})
	if err != nil {
		return rec, false, err
	}
	if !found {
		return m.taken(ctx, key)
	}
	if old.Expiry.IsZero() { // of a Redis key that never expires
		old.Expiry = time.Now().Add(m.conf().save.Lifetime).UTC()
	}
	owner := m.ownerIn(old.Data)
	switch err := m.mark(ctx, key, owner); {
	case errors.Is(err, ErrRevoked):
		return rec, false, nil
	case err != nil:
		return rec, false, err
	}
	mine := false
	err = m.ask(ctx, opMigrate, func(ctx context.Context, s Store) (err error) {
		if rec, found, err = s.Fetch(ctx, key); err != nil || !found || string(rec.Data) != migrating {
			return err // it has ended, or it is here
		}
		if mine, err = from.Remove(ctx, oldKey); err != nil || !mine {
			return err
		}
		rec = Record{Data: old.Data, Expiry: old.Expiry, Owner: owner}
		found, err = s.(Swapper).Swap(ctx, key, []byte(migrating), rec)
		return err
	})
	if err != nil || mine {
		return rec, found && err == nil, err
	}
	return m.taken(ctx, key)
}

// taken returns what is at the new place, where the old one has nothing more.
func (m *Manager) taken(ctx context.Context, key string) (rec Record, found bool, err error) {
	rec, found, err = m.fetch(ctx, key)
	if err == nil && found && string(rec.Data) == migrating {
		return Record{}, false, errMigrating
	}
	return rec, found, err
}

// mark inserts the mark, if nothing is there. It is its user's, as the session will
// be: an [Indexer] refuses it if that was revoked, and who revokes it from now on
// finds the mark or the session.
func (m *Manager) mark(ctx context.Context, key string, owner Owner) error {
	return m.ask(ctx, opMigrate, func(ctx context.Context, s Store) error {
		mark := Record{Data: []byte(migrating), Expiry: time.Now().Add(migrateWithin).UTC(), Owner: owner}
		inserted, err := s.Insert(ctx, key, mark)
		if err != nil || inserted {
			return err
		}
		_, there, err := s.Fetch(ctx, key)
		if err != nil || there {
			return err
		}
		// One that a request has left which died, and that nobody has swept yet.
		if _, err := s.Remove(ctx, key); err != nil {
			return err
		}
		_, err = s.Insert(ctx, key, mark)
		return err
	})
}

// end removes a session from the store. Where sessions are taken over, a tombstone
// takes its place: it came, or could come again, from the old one.
func (m *Manager) end(ctx context.Context, op, key string) (removed bool, err error) {
	conf := m.conf()
	err = m.ask(ctx, op, func(ctx context.Context, s Store) (err error) {
		if conf.migrate == nil {
			removed, err = s.Remove(ctx, key)
			return err
		}
		removed, err = bury(ctx, s, key, time.Now().Add(conf.save.Lifetime).UTC())
		return err
	})
	return removed, err
}

// bury puts a tombstone in the place of what is under key, and reports whether that
// was a session.
func bury(ctx context.Context, s Store, key string, until time.Time) (removed bool, err error) {
	grave := Record{Data: []byte(tombstone), Expiry: until}
	for range mostTries {
		rec, found, err := s.Fetch(ctx, key)
		switch {
		case err != nil:
			return false, err
		case found && string(rec.Data) == tombstone:
			return false, nil
		case !found:
			// Nothing, or what has expired: that keeps a mark out until it is swept.
			_, err := s.Insert(ctx, key, grave)
			return false, err
		}
		if swapped, err := s.(Swapper).Swap(ctx, key, rec.Data, grave); err != nil || swapped {
			return swapped && isSession(rec.Data), err
		}
	}
	return false, errConflict
}

// isSession reports whether data are those of a session, and no mark.
func isSession(data []byte) bool {
	return string(data) != tombstone && string(data) != migrating
}
