package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/echoic-go/echoic/cache"
)

const (
	// replayPage is how many rows are applied at once.
	replayPage = 512
	// markerTTL is how long the store remembers that a row was applied. Who
	// comes later applies it again.
	markerTTL = 30 * time.Second
)

// markerKey is where the store says that a row was applied. The transaction is
// in it because the numbers between a receipt's first and last row may belong to
// others.
func (r *Replayer) markerKey(transaction uint64, id int64) string {
	return r.prefix + ":t:r:" + strconv.FormatUint(transaction, 36) + "." + strconv.FormatInt(id, 36)
}

// replay applies the rows after a position, unless they have markers and those
// count, page by page, and returns up to where nothing will appear any more. progress is
// called after each page.
func (r *Replayer) replay(ctx context.Context, store cache.Store, from Position, markers bool, progress func(Position) error) (Position, error) {
	var horizon uint64
	settled, cursor := from, from
	for first := true; ; first = false {
		p, err := r.read(ctx, cursor, 0)
		if err != nil {
			return settled, err
		}
		if first {
			// That of a later page would say too much: rows that were not
			// there yet may have appeared in an earlier one.
			horizon = p.horizon
		}
		for _, row := range p.rows {
			cursor = from.Journal.at(row)
			if row.Transaction < horizon {
				settled = cursor
			}
		}
		if err := r.apply(ctx, store, p.rows, markers); err != nil {
			return settled, err
		}
		if len(p.rows) < replayPage {
			break
		}
		if err := progress(settled); err != nil {
			return settled, err
		}
	}
	_, err := r.know(ctx, from) // nothing was removed before it was read
	return settled, err
}

func (r *Replayer) read(ctx context.Context, after Position, kind cache.InvalidationKind) (p page, err error) {
	err = r.ask(ctx, func(ctx context.Context) error {
		p, err = r.journal.engine.read(ctx, after, kind, replayPage)
		return err
	})
	return p, err
}

func (r *Replayer) know(ctx context.Context, position Position) (know knowledge, err error) {
	err = r.ask(ctx, func(ctx context.Context) error {
		know, err = r.journal.know(ctx, position)
		return err
	})
	return know, err
}

// ask bounds what the database is asked: stores have timeouts of their own.
func (r *Replayer) ask(ctx context.Context, do func(context.Context) error) error {
	if err := r.journal.enter(); err != nil {
		return err
	}
	defer r.journal.leave()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return do(ctx)
}

// apply applies rows, those with markers only if they do not count, and leaves
// markers for the others.
func (r *Replayer) apply(ctx context.Context, store cache.Store, rows []Row, markers bool) (err error) {
	if markers && len(rows) > 0 {
		if rows, err = r.unmarked(ctx, store, rows); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	list := make([]cache.Invalidation, len(rows))
	keys := make([]string, len(rows))
	for i, row := range rows {
		list[i], keys[i] = row.Invalidation, r.markerKey(row.Transaction, row.ID)
	}
	if err := cache.Apply(ctx, store, r.config(), list); err != nil {
		return err
	}
	r.replays.Add(uint64(len(rows)))
	// Without markers others apply them again, and no more.
	_ = setMarkers(ctx, store, keys)
	return nil
}

// unmarked returns the rows that nobody is known to have applied.
func (r *Replayer) unmarked(ctx context.Context, store cache.Store, rows []Row) ([]Row, error) {
	keys := make([]string, len(rows)+1)
	for i, row := range rows {
		keys[i] = r.markerKey(row.Transaction, row.ID)
	}
	keys[len(rows)] = r.prefix + ":t:seq"
	values, err := getMany(ctx, store, keys)
	if err != nil {
		return nil, err
	}
	r.saw(values[len(rows)])
	var missing []Row
	for i, row := range rows {
		if values[i] == nil {
			missing = append(missing, row)
		}
	}
	return missing, nil
}

// saw remembers the greatest purge sequence, which a restart must not undo.
func (r *Replayer) saw(raw []byte) {
	now, err := strconv.ParseUint(string(raw), 10, 63)
	for err == nil {
		before := r.sequence.Load()
		if now <= before || r.sequence.CompareAndSwap(before, now) {
			return
		}
	}
}

func setMarkers(ctx context.Context, store cache.Store, keys []string) error {
	value := []byte("1")
	if many, ok := store.(cache.ManyStore); ok {
		items := make([]cache.Item, len(keys))
		for i, key := range keys {
			items[i] = cache.Item{Key: key, Value: value, TTL: markerTTL}
		}
		_, err := many.SetMany(ctx, items)
		return err
	}
	var problems []error
	for _, key := range keys {
		_, err := store.Set(ctx, key, value, markerTTL, cache.Always)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// dropAll makes everything miss that a store holds, and ends the sessions that
// the journal knows to have ended: what is in the store is of an unknown past.
// It returns the settled end of the journal of before.
func (r *Replayer) dropAll(ctx context.Context, store cache.Store, progress func() error) (Position, error) {
	var know knowledge
	err := r.ask(ctx, func(ctx context.Context) (err error) {
		know, err = r.journal.engine.look(ctx, Position{})
		return err
	})
	if err != nil {
		return Position{}, err
	}
	if err := cache.Apply(ctx, store, r.config(), []cache.Invalidation{{Kind: cache.InvalidAll}}); err != nil {
		return Position{}, err
	}
	if r.sessionPrefix == "" {
		return know.at(know.end), nil
	}
	for cursor := know.at(know.pruned); ; {
		p, err := r.read(ctx, cursor, cache.InvalidSession)
		if err != nil {
			return Position{}, err
		}
		list := make([]cache.Invalidation, len(p.rows))
		for i, row := range p.rows {
			list[i], cursor = row.Invalidation, know.journal.at(row)
		}
		if err := cache.Apply(ctx, store, r.config(), list); err != nil {
			return Position{}, err
		}
		if len(list) < replayPage {
			return know.at(know.end), nil
		}
		if err := progress(); err != nil {
			return Position{}, err
		}
	}
}

// raise makes the purge sequence go on above what was seen of it.
func (r *Replayer) raise(ctx context.Context, store cache.Store) error {
	least := max(r.sequence.Load(), uint64(max(r.now().UnixMicro(), 0)))
	if err := cache.RaiseSequence(ctx, store, r.prefix, least); err != nil {
		return fmt.Errorf("the purge sequence: %w", err)
	}
	return nil
}
