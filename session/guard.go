package session

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alexedwards/scs/v2"
)

// capped is the codec that sessions are saved with: it refuses what is too
// large, and says which values make it so.
type capped struct {
	scs.Codec
	limit int
}

func (c capped) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	data, err := c.Codec.Encode(deadline, values)
	if err != nil {
		return nil, fmt.Errorf("session: encoding: %w", err)
	}
	if len(data) > c.limit {
		return nil, &SizeError{Size: len(data), Limit: c.limit, Keys: c.largest(deadline, values)}
	}
	return data, nil
}

// largest measures each value by encoding it alone.
func (c capped) largest(deadline time.Time, values map[string]any) []KeySize {
	empty, err := c.Codec.Encode(deadline, map[string]any{})
	if err != nil {
		return nil
	}
	sizes := make([]KeySize, 0, len(values))
	for key, value := range values {
		alone, err := c.Codec.Encode(deadline, map[string]any{key: value})
		if err == nil {
			sizes = append(sizes, KeySize{Key: key, Size: len(alone) - len(empty)})
		}
	}
	slices.SortFunc(sizes, func(a, b KeySize) int {
		return cmp.Or(b.Size-a.Size, cmp.Compare(a.Key, b.Key))
	})
	return sizes[:min(len(sizes), 5)]
}

// errExpired is a session whose deadline is over although the store still had
// it: another server may have moved its expiry without knowing the deadline.
var errExpired = errors.New("session: past its deadline")

// unreadableError is data that the codec did not write, or that were damaged.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string {
	return "session: data cannot be read, the visitor gets a new session: " + e.err.Error()
}

func (e *unreadableError) Unwrap() error { return e.err }

// reader is the codec that sessions are loaded with: what it returns is alive
// and complete.
type reader struct{ scs.Codec }

func (r reader) Decode(data []byte) (deadline time.Time, values map[string]any, err error) {
	defer func() {
		// gob is not hardened against hostile data.
		if p := recover(); p != nil {
			err = &unreadableError{fmt.Errorf("the codec panicked: %v", p)}
		}
	}()
	deadline, values, err = r.Codec.Decode(data)
	switch {
	case err != nil:
		return time.Time{}, nil, &unreadableError{err}
	case !deadline.After(time.Now()):
		return time.Time{}, nil, errExpired
	case values == nil:
		values = make(map[string]any)
	}
	return deadline, values, nil
}
