package pagecache

import (
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Under a rush on a page that nobody has, some requests come to wait for it when it
// has just been made: their lookups took longer. Where the store has the page they
// find it there. Where it does not answer in time, as under a rush it may not, each
// of them would run the handler once more. So what was made stays at hand for a
// moment, for those who could have waited for it.
const (
	// lateTime is for how long, from the begin of the run: as long as one may
	// come late to a run that goes on and have what it makes (cache.Record.Shares).
	lateTime = time.Second
	// lateMost and lateBytes bound what is at hand.
	lateMost  = 64
	lateBytes = 4 << 20
)

// landings are the last flights that have landed with a page. flights.mu guards
// them.
type landings struct {
	list  []*flight // the oldest first
	bytes int
}

// keep has a flight at hand that lands with a page, and lets those go whose time
// is up.
func (l *landings) keep(fl *flight) {
	size := len(fl.entry.body)
	if size > lateBytes {
		return
	}
	l.list, l.bytes = append(l.list, fl), l.bytes+size
	gone := 0
	for _, old := range l.list {
		if len(l.list)-gone <= lateMost && l.bytes <= lateBytes && time.Since(old.begun) <= lateTime {
			break
		}
		l.bytes -= len(old.entry.body)
		l.list[gone] = nil
		gone++
	}
	l.list = l.list[gone:]
}

// forget is for a page that was made anew.
func (l *landings) forget(key string) {
	l.list = slices.DeleteFunc(l.list, func(fl *flight) bool {
		if fl.key == key {
			l.bytes -= len(fl.entry.body)
		}
		return fl.key == key
	})
}

// find returns the flight for key, if its time is not up.
func (l *landings) find(key string) *flight {
	for _, fl := range l.list {
		if fl.key == key && time.Since(fl.begun) <= lateTime {
			return fl
		}
	}
	return nil
}

// late returns what was made for others while this request looked it up, if it is
// for this one, too, by the rule for those who wait, and fresh.
func (x *exchange) late(key string, missed cache.Record[*entry]) *entry {
	if x.p.local { // the store always answers
		return nil
	}
	x.p.flights.mu.Lock()
	fl := x.p.flights.landed.find(key)
	x.p.flights.mu.Unlock()
	if fl == nil || !missed.Shares(fl.lookup, time.Since(fl.begun)) || !x.suits(fl.entry) {
		return nil
	}
	if use, _ := judge(fl.entry, ageOf(fl.entry, x.p.cfg.Now()), false, x.asks, x.route.strict); use != useFresh {
		return nil
	}
	return fl.entry
}
