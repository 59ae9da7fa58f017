package session

import (
	"errors"
	"fmt"
	"strings"
)

// Errors that callers branch on. They come wrapped: test with errors.Is.
var (
	// ErrSessionGone is a call on a session that has ended since the request
	// loaded it: by a logout, a renewal in another request, or its expiry.
	// Nothing was stored.
	ErrSessionGone = errors.New("session: the session has ended meanwhile")
	// ErrRevoked is what an [Indexer] returns for a login that was revoked.
	// What the application sees is ErrSessionGone.
	ErrRevoked = errors.New("session: the login was revoked meanwhile")
	// ErrClosed is any call on a store after its Close.
	ErrClosed = errors.New("session: store closed")
	// ErrUnavailable is a store that is away, or too slow, or that this request
	// has no time left for: it was not asked, or what it did is not known.
	ErrUnavailable = errors.New("session: store unavailable")
	// ErrTooLarge is a session above Config.MaxBytes. The error is a
	// *SizeError.
	ErrTooLarge = errors.New("session: too large")
	// ErrUnmanaged is a save under a context that Manager did not make, as
	// the embedded scs manager's own Load does. It cannot be known then
	// whether the session is new or has ended, so nothing is stored.
	ErrUnmanaged = errors.New("session: saving under a context that Manager.Load or Manager.LoadAndSave did not make: use these instead of those of the embedded manager")
)

// errSpent is a call that was not made.
var errSpent = fmt.Errorf("%w: what this request may spend on stores is used up: give it more (StoreBudget) or fewer calls", ErrUnavailable)

// StoreError is a store that could not be asked, or not in time. It is never
// the same as "no session". Getters of scs have no error to return: when the
// session cannot be loaded they panic with a *StoreError, which
// middleware.Sessions and [Manager.LoadAndSave] answer with 503.
// [Manager.Preload] returns it instead.
type StoreError struct {
	// Op is what was attempted: load, insert, update, touch, remove, list,
	// journal, stamp, revoke.
	Op string
	// Err is what the store reported. It holds no token.
	Err error
}

func (e *StoreError) Error() string {
	return fmt.Sprintf("session: %s: %v: check that the session store is reachable", e.Op, e.Err)
}

// Unwrap returns Err.
func (e *StoreError) Unwrap() error { return e.Err }

// SizeError is a session that was not stored because of its size.
type SizeError struct {
	// Size and Limit are in bytes, encoded.
	Size, Limit int
	// Keys are the largest values, largest first, at most five.
	Keys []KeySize
}

// KeySize is the encoded size of one value, in bytes.
type KeySize struct {
	Key  string
	Size int
}

func (e *SizeError) Error() string {
	var largest strings.Builder
	for i, k := range e.Keys {
		if i > 0 {
			largest.WriteString(", ")
		}
		fmt.Fprintf(&largest, "%.64q %d", k.Key, k.Size)
	}
	return fmt.Sprintf("session: %d bytes, the limit is %d (largest: %s): store less in the session or raise MaxBytes",
		e.Size, e.Limit, largest.String())
}

// Is makes errors.Is(err, ErrTooLarge) true.
func (e *SizeError) Is(target error) bool { return target == ErrTooLarge }
