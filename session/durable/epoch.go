package durable

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/echoic-go/echoic/session"
)

// epochKey is where the database keeps the epoch, among the sessions: no token is
// like it.
const epochKey = "echoic:epoch"

const (
	// epochLasts is for ever.
	epochLasts = 100 * 365 * 24 * time.Hour
	// mostRuns bounds the processes that are known of a Cluster.
	mostRuns = 1024
	// awayLasts is how long a server that says that it is away is believed
	// without saying it again.
	awayLasts = 20 * time.Second
	// editTries is how often a change of the epoch meets another one.
	editTries = 20
)

// epoch is what all servers agree on.
type epoch struct {
	// ID is a part of the keys of copies.
	ID string `json:"id"`
	// Runs are the processes of Redis whose copies are of this epoch.
	Runs []string `json:"runs,omitempty"`
	// Away are the servers that change sessions and cannot tell Redis, and until
	// when that is certain without their saying it again, in Unix milliseconds.
	Away map[string]int64 `json:"away,omitempty"`
}

// view is an epoch, when it was read, and when it was seen first.
type view struct {
	epoch
	at, since time.Time
}

func (e epoch) clone() epoch {
	return epoch{ID: e.ID, Runs: slices.Clone(e.Runs), Away: maps.Clone(e.Away)}
}

// renew makes all copies void.
func (e *epoch) renew() { e.ID = rand.Text()[:12] }

// knows reports whether copies of this process of Redis are of the epoch.
func (e *epoch) knows(run string) bool { return slices.Contains(e.Runs, run) }

// meet makes a process of Redis known. But in a Cluster there is one at a time.
func (e *epoch) meet(run string, cluster bool) {
	switch {
	case e.knows(run):
		return
	case !cluster:
		e.Runs = nil
	}
	if e.Runs = append(e.Runs, run); len(e.Runs) > mostRuns {
		e.Runs = slices.Delete(e.Runs, 0, 1)
	}
}

// refresh reads the epoch.
func (s *Store) refresh(ctx context.Context) (*view, []byte, error) {
	at := s.times.now()
	rec, found, err := s.db.Fetch(ctx, epochKey)
	if err != nil {
		return nil, nil, err
	}
	v := &view{at: at}
	if !found {
		v.renew()
		data, err := json.Marshal(v.epoch)
		if err != nil {
			return nil, nil, err
		}
		inserted, err := s.db.Insert(ctx, epochKey, session.Record{Data: data, Expiry: time.Now().Add(epochLasts)})
		if err != nil {
			return nil, nil, err
		}
		if !inserted {
			return s.reread(ctx)
		}
		s.learn(v)
		return v, data, nil
	}
	if v.epoch, err = decodeEpoch(rec.Data); err != nil {
		return s.restore(ctx, rec.Data, err)
	}
	s.learn(v)
	return v, rec.Data, nil
}

// decodeEpoch reads what the database has.
func decodeEpoch(data []byte) (e epoch, err error) {
	if err = json.Unmarshal(data, &e); err == nil && e.ID == "" {
		err = errors.New("it has no id")
	}
	if err != nil {
		return epoch{}, fmt.Errorf("session/durable: the epoch in the database cannot be read: %w", err)
	}
	return e, nil
}

// restore puts a new epoch in the place of one that cannot be read: else nobody
// could log in until somebody has found the row. All copies are void then, as when
// Redis was lost; a server that was away says so again in its next turn, before
// anybody reads copies of the new epoch.
func (s *Store) restore(ctx context.Context, unreadable []byte, why error) (*view, []byte, error) {
	v := &view{at: s.times.now()}
	// The processes that were known: their connections are not checked again.
	if known := s.view.Load(); known != nil {
		v.epoch = epoch{Runs: slices.Clone(known.Runs)}
	}
	if run := s.run.Load(); run != nil {
		v.meet(*run, s.cfg.Cluster)
	}
	v.renew()
	data, err := json.Marshal(v.epoch)
	if err != nil {
		return nil, nil, err
	}
	swapped, err := s.db.Swap(ctx, epochKey, unreadable, session.Record{Data: data, Expiry: time.Now().Add(epochLasts)})
	switch {
	case err != nil:
		return nil, nil, err
	case !swapped:
		return s.reread(ctx)
	}
	s.cfg.Logger.Warn("session/durable: a new epoch begins: all sessions are read from the database until they have been copied anew", "error", why)
	s.learn(v)
	return v, data, nil
}

// errNoEpoch is an epoch that comes and goes.
var errNoEpoch = errors.New("session/durable: the epoch is neither there nor can it be made: look at the sessions' table")

func (s *Store) reread(ctx context.Context) (*view, []byte, error) {
	rec, found, err := s.db.Fetch(ctx, epochKey)
	v := &view{at: s.times.now()}
	switch {
	case err != nil:
		return nil, nil, err
	case !found:
		return nil, nil, errNoEpoch
	}
	if v.epoch, err = decodeEpoch(rec.Data); err != nil {
		return nil, nil, err
	}
	s.learn(v)
	return v, rec.Data, nil
}

// learn takes over what was read, unless something newer was.
func (s *Store) learn(v *view) {
	for {
		known := s.view.Load()
		if known != nil && known.at.After(v.at) {
			return
		}
		if v.since = s.times.now(); known != nil && known.ID == v.ID {
			v.since = known.since
		}
		if s.view.CompareAndSwap(known, v) {
			return
		}
	}
}

// edit changes the epoch for all servers; change reports whether there is anything
// to change.
func (s *Store) edit(ctx context.Context, change func(e *epoch) bool) error {
	for range editTries {
		v, old, err := s.refresh(ctx)
		if err != nil {
			return err
		}
		next := v.clone()
		if !change(&next) {
			return nil
		}
		data, err := json.Marshal(next)
		if err != nil {
			return err
		}
		begun := s.times.now()
		swapped, err := s.db.Swap(ctx, epochKey, old, session.Record{Data: data, Expiry: time.Now().Add(epochLasts)})
		if err != nil {
			return err
		}
		if swapped {
			s.learn(&view{epoch: next, at: begun})
			return nil
		}
	}
	return fmt.Errorf("session/durable: the epoch was changed by others %d times in a row", editTries)
}

// check is asked about a process of Redis before its data are used. One that is
// new to all servers begins an epoch.
func (s *Store) check(ctx context.Context, run string) error {
	if s.cfg.Check != nil {
		if err := s.cfg.Check(ctx, run); err != nil {
			return err
		}
	}
	if known := s.view.Load(); known == nil || !known.knows(run) {
		err := s.edit(ctx, func(e *epoch) bool {
			if e.knows(run) {
				return false
			}
			e.renew()
			e.meet(run, s.cfg.Cluster)
			return true
		})
		if err != nil {
			return err
		}
	}
	s.run.Store(&run)
	return nil
}

const (
	// fresh is how long an epoch may be taken for the one in force by who changes
	// something.
	fresh = 2 * time.Second
)

// times are bounds that tests choose.
type times struct {
	// fast bounds one call of Redis. It is less than what a request may spend on
	// stores, so that some of that is left for the database.
	fast time.Duration
	// change bounds a change.
	change time.Duration
	// settle is the time from seeing an epoch to reading and making its copies. It
	// is longer than a change may go on in an epoch that is over: until its server
	// hears that, and the change ends. Copies that are made after it have seen the
	// change.
	settle time.Duration
	// now is the clock by which the age of an epoch is told.
	now func() time.Time
}

var usual = times{fast: 30 * time.Millisecond, change: 2 * time.Second, settle: fresh + 2*time.Second + time.Second, now: time.Now}

func (s *Store) since(at time.Time) time.Duration { return s.times.now().Sub(at) }

// trusted returns the epoch whose copies may be read and made, or false.
func (s *Store) trusted() (id string, ok bool) {
	v := s.view.Load()
	if v == nil || len(v.Away) > 0 || s.since(v.at) > unheard || s.since(v.since) < s.times.settle || !s.reached(v) {
		return "", false
	}
	return v.ID, true
}

// current returns the epoch whose copies a change has to void, or false if this
// server cannot do that.
func (s *Store) current(ctx context.Context) (id string, ok bool) {
	v := s.view.Load()
	if v == nil || s.since(v.at) > fresh {
		var err error
		if v, _, err = s.refresh(ctx); err != nil {
			return "", false
		}
	}
	return v.ID, s.reached(v)
}

// reached reports whether this server is connected to the Redis of all.
func (s *Store) reached(v *view) bool {
	run := s.run.Load()
	return !s.away.Load() && (run == nil || v.knows(*run))
}
