package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Behind is how much of the journal a shared store has not been told.
type Behind struct {
	// Marked says that the store holds a mark: that somebody has told it
	// anything at all, and it has not lost that since.
	Marked bool
	// Lost says that rows are gone that it was never told: the next server that
	// starts drops all that it holds.
	Lost bool
	// Rows counts what it has not been told, up to a limit; More says that there
	// are more.
	Rows int
	More bool
	// Oldest is when the first of them was written.
	Oldest time.Time
}

// behindPage is how many rows are read at a time.
const behindPage = 1000

// Behind asks a shared store how far it has been told what is in the journal,
// and counts what is missing, at most limit rows. It changes nothing. While
// servers run, a few rows that are a moment old are on their way. The store has
// to be a cache.Lister; prefix is that of its caches.
func (j *Journal) Behind(ctx context.Context, store cache.Store, prefix string, limit int) (Behind, error) {
	lister, ok := store.(cache.Lister)
	if !ok {
		return Behind{}, fmt.Errorf("journal: behind: %w: the store cannot list keys", cache.ErrUnsupported)
	}
	var b Behind
	var least Position
	for key, err := range lister.Keys(ctx, prefix+":t:mark") {
		if err != nil {
			return b, fmt.Errorf("journal: behind: %w", err)
		}
		raw, found, err := store.Get(ctx, key)
		if err != nil {
			return b, fmt.Errorf("journal: behind: %w", err)
		}
		m, valid := decodeMark(raw)
		if !found || !valid {
			continue
		}
		if !b.Marked || m.Position.Compare(least) < 0 {
			least = m.Position
		}
		b.Marked = true
	}
	if !b.Marked {
		return b, nil
	}
	return b, j.count(ctx, &b, least, limit)
}

// count counts the rows after a position.
func (j *Journal) count(ctx context.Context, b *Behind, at Position, limit int) error {
	for b.Rows < limit {
		rows, next, more, err := j.Since(ctx, at, min(behindPage, limit-b.Rows))
		if errors.Is(err, ErrPruned) || errors.Is(err, ErrUnknownPosition) {
			b.Lost = true
			return nil
		}
		if err != nil {
			return err
		}
		if len(rows) > 0 && b.Rows == 0 {
			b.Oldest = rows[0].Created
		}
		b.Rows += len(rows)
		b.More = more
		if !more {
			return nil
		}
		at = next
	}
	return nil
}
