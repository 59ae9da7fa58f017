package cache

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// owed are tags whose purge is in the journal, and so acknowledged, although a
// store has not heard of it yet: it failed, or a fallback was asked instead. Who
// reads one of them tells the store first. So a purge holds for the process that
// said it from then on, whatever comes and goes; the others have the journal.
//
// The zero value is ready to use.
type owed struct {
	n    atomic.Int64
	mu   sync.Mutex
	last uint64 // number of the last debt
	tags map[string]owing
}

// owing is what is owed for a tag, and since when.
type owing struct {
	what   debt
	at     time.Time
	number uint64
}

// debt says which stores have to be told.
type debt uint8

const (
	toShared debt = 1 << iota
	toFallback
)

const (
	// mostOwed bounds the tags that are remembered.
	mostOwed = 10_000
	// longOwed is when the journal has told a store that is there, whatever this
	// process remembers.
	longOwed = 10 * time.Minute
)

var errOwed = errors.New("too many purges that the store has not heard of: it has been away for long")

// add remembers the tags. Beyond the bound that is an error, and the purge must
// not be acknowledged. away says that the shared store is: then nothing that is
// owed gets old.
func (o *owed) add(tags []string, what debt, now time.Time, away bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.tags)+len(tags) > mostOwed && !away {
		maps.DeleteFunc(o.tags, func(_ string, owes owing) bool { return now.Sub(owes.at) > longOwed })
	}
	if len(o.tags)+len(tags) > mostOwed {
		return errOwed
	}
	if o.tags == nil {
		o.tags = make(map[string]owing)
	}
	o.last++
	for _, tag := range tags {
		o.tags[tag] = owing{o.tags[tag].what | what, now, o.last}
	}
	o.n.Store(int64(len(o.tags)))
	return nil
}

// mark is where the debts are at present: what comes later is not paid by what was
// begun before.
func (o *owed) mark() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// paid forgets what the stores have been told, up to the mark.
func (o *owed) paid(tags []string, what debt, mark uint64) {
	if o.n.Load() == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, tag := range tags {
		owes := o.tags[tag]
		if owes.number > mark {
			continue
		}
		if owes.what &^= what; owes.what != 0 {
			o.tags[tag] = owes
		} else {
			delete(o.tags, tag)
		}
	}
	o.n.Store(int64(len(o.tags)))
}

// due returns those of the tags that one of the stores has to be told of. While
// nothing is owed that is one load.
func (o *owed) due(tags []TagToken, what debt) (names []string) {
	if o.n.Load() == 0 {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range tags {
		if o.tags[t.Name].what&what != 0 {
			names = append(names, t.Name)
		}
	}
	return names
}
