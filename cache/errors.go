package cache

import (
	"errors"
	"fmt"
)

// Errors that callers branch on. They come wrapped: test with errors.Is.
var (
	// ErrNotFound is what Incr, Decr and the version calls return where
	// nothing is. Reads report a miss as found == false, not as an error.
	ErrNotFound = errors.New("cache: not found")
	// ErrNotInteger is Incr on a value that is no 64-bit integer, or that
	// was stored with tags.
	ErrNotInteger = errors.New("cache: value is not an integer")
	// ErrOverflow is Incr beyond 64 bits. The value stays as it was.
	ErrOverflow = errors.New("cache: integer overflow")
	// ErrTaggedCounter is an attempt to give a counter tags.
	ErrTaggedCounter = errors.New("cache: counters cannot carry tags")
	// ErrDegraded says that the store is away and that what was asked for
	// cannot be promised without it.
	ErrDegraded = errors.New("cache: store unavailable, running degraded")
	// ErrClosed is any call after Close.
	ErrClosed = errors.New("cache: closed")
	// ErrUnsupported is a call that the store has no means for.
	ErrUnsupported = errors.New("cache: not supported by this store")
	// ErrInvalidKey is a key that is empty, too long, holds NUL or is no
	// UTF-8. The error is a *KeyError.
	ErrInvalidKey = errors.New("cache: invalid key")
	// ErrTooLarge is a value above Config.MaxValueBytes. The error is a
	// *SizeError.
	ErrTooLarge = errors.New("cache: value too large")
	// ErrUnknownCache is a name that Caches does not hold.
	ErrUnknownCache = errors.New("cache: unknown cache")
)

// KeyError is a key that was refused, and why.
type KeyError struct {
	Key    string
	Reason string
}

func (e *KeyError) Error() string {
	key := e.Key
	if len(key) > 80 {
		key = key[:80] + "…"
	}
	return fmt.Sprintf("cache: invalid key %q: %s", key, e.Reason)
}

// Is makes errors.Is(err, ErrInvalidKey) true.
func (e *KeyError) Is(target error) bool { return target == ErrInvalidKey }

// SizeError is a value that was refused because of its size.
type SizeError struct {
	Key   string
	Size  int // bytes, encoded and before compression
	Limit int // bytes
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("cache: value of %q has %d bytes, the limit is %d: store less or raise MaxValueBytes", e.Key, e.Size, e.Limit)
}

// Is makes errors.Is(err, ErrTooLarge) true.
func (e *SizeError) Is(target error) bool { return target == ErrTooLarge }
