package fragment

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
)

// entry is a stored fragment, with holes that are filled for every visitor.
type entry struct {
	live.Text
	// fresh is when its time to live is over; zero is never. It may stay in
	// the store for longer, see Config.StaleWhileRevalidate.
	fresh time.Time
}

var errEntry = errors.New("fragment: not an entry")

const entryHead = 8

// entryFormat is part of every key: entries of another format are not found.
const entryFormat = 3

func (e entry) encode() ([]byte, error) {
	var nanos uint64
	if !e.fresh.IsZero() {
		nanos = uint64(e.fresh.UnixNano())
	}
	b := make([]byte, 0, entryHead+1+e.Size()+len(e.Bytes))
	b = live.AppendHoles(binary.BigEndian.AppendUint64(b, nanos), e.Holes)
	return append(b, e.Bytes...), nil
}

// decodeEntry keeps the bytes.
func decodeEntry(b []byte) (entry, error) {
	if len(b) < entryHead {
		return entry{}, errEntry
	}
	holes, body, err := live.CutHoles(b[entryHead:])
	if err != nil {
		return entry{}, errEntry
	}
	var e entry
	if e.Text, err = live.NewText(body, holes); err != nil {
		return entry{}, errEntry
	}
	if nanos := binary.BigEndian.Uint64(b); nanos != 0 {
		e.fresh = time.Unix(0, int64(nanos))
	}
	return e, nil
}

func decoder(holes *live.Set) func([]byte) (entry, error) {
	return func(b []byte) (entry, error) {
		e, err := decodeEntry(b)
		if err == nil && len(e.Holes) > 0 && !holes.Knows(e.Holes) {
			return entry{}, errEntry
		}
		return e, err
	}
}

func (e entry) size() int { return len(e.Bytes) + e.Size() + 48 }

// stale reports whether the time to live is over.
func (e entry) stale(now time.Time) bool { return !e.fresh.IsZero() && !now.Before(e.fresh) }

// dependsOn is what encloses the fragment depends on: the time to live counts
// for it, whatever is kept for longer here.
func (e entry) dependsOn(deps cache.Deps) cache.Deps {
	if !e.fresh.IsZero() && (deps.Expires.IsZero() || e.fresh.Before(deps.Expires)) {
		deps.Expires = e.fresh
	}
	return deps
}
