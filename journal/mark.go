package journal

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/echoic-go/echoic/cache"
)

// mark is what a server of a shared store says of itself: all rows of a journal
// up to a position have been applied to what it holds. It is lost, and goes back
// in time, together with the data.
type mark struct {
	Position
	// Run is the process of which that was said last.
	Run string
	// Claim is a random text while somebody replays. Then nothing is said but
	// the position.
	Claim string
}

// markVersion is the first field of every mark.
const markVersion = "1"

// encode returns version, position, run and claim, with spaces between; "-" for
// what is empty.
func (m mark) encode() []byte {
	return []byte(strings.Join([]string{markVersion, m.Position.String(), orDash(m.Run), orDash(m.Claim)}, " "))
}

// decodeMark reads what encode returned. Anything else is no mark.
func decodeMark(raw []byte) (m mark, ok bool) {
	fields := strings.Split(string(raw), " ")
	if len(fields) != 4 || fields[0] != markVersion {
		return mark{}, false
	}
	position, err := ParsePosition(fields[1])
	if err != nil {
		return mark{}, false
	}
	m = mark{Position: position, Run: strings.TrimPrefix(fields[2], "-"), Claim: strings.TrimPrefix(fields[3], "-")}
	return m, bytes.Equal(m.encode(), raw)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// held is the mark of one server, as it was read.
type held struct {
	server cache.Incarnation
	key    string
	raw    []byte // nil: none
	mark   mark   // zero if raw is none
}

// set takes over what was read or written.
func (h *held) set(raw []byte) {
	h.raw = raw
	h.mark, _ = decodeMark(raw)
}

func (r *Replayer) markKey(place string) string { return r.prefix + ":t:mark" + place }

// marks reads the marks of servers.
func (r *Replayer) marks(ctx context.Context, store cache.Store, servers []cache.Incarnation) ([]held, error) {
	keys, marks := make([]string, len(servers)), make([]held, len(servers))
	for i, server := range servers {
		keys[i] = r.markKey(server.Place)
		marks[i] = held{server: server, key: keys[i]}
	}
	if len(marks) == 0 {
		return nil, nil // nobody has ever verified anything
	}
	values, err := getMany(ctx, store, keys)
	if err != nil {
		return nil, err
	}
	for i := range marks {
		marks[i].set(values[i])
	}
	return marks, nil
}

// reread reads one of them again.
func (h *held) reread(ctx context.Context, store cache.Store) error {
	raw, found, err := store.Get(ctx, h.key)
	if err != nil {
		return err
	}
	if !found {
		raw = nil
	}
	h.set(raw)
	return nil
}

// swap replaces the mark if it is still the one that was read: nobody has moved
// it, and the data have not gone back in time either.
func (h *held) swap(ctx context.Context, store cache.Store, m mark) (swapped bool, err error) {
	value := m.encode()
	if h.raw == nil {
		swapped, err = store.Set(ctx, h.key, value, cache.Forever, cache.IfAbsent)
	} else if swapper, ok := store.(cache.Swapper); ok {
		swapped, err = swapper.Swap(ctx, h.key, h.raw, value, cache.Forever)
	} else {
		return false, fmt.Errorf("%w: the store cannot swap values", cache.ErrUnsupported)
	}
	if swapped {
		h.set(value)
	}
	return swapped, err
}

// lowest is the first position from which on something may be missing.
func lowest(marks []held) Position {
	least := marks[0].mark.Position
	for _, h := range marks[1:] {
		if h.mark.Position.Compare(least) < 0 {
			least = h.mark.Position
		}
	}
	return least
}

// getMany reads keys in one call if the store can.
func getMany(ctx context.Context, store cache.Store, keys []string) ([][]byte, error) {
	if many, ok := store.(cache.ManyStore); ok {
		return many.GetMany(ctx, keys)
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		value, found, err := store.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		if found {
			values[i] = append([]byte{}, value...)
		}
	}
	return values, nil
}
