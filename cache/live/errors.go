package live

import (
	"errors"
	"fmt"
)

// Errors that callers branch on. They come wrapped: test with errors.Is.
var (
	// ErrUsed is a hole that was registered after the first use of the set.
	ErrUsed = errors.New("live: the set is in use already")
	// ErrUnknown is the name of no hole of the set.
	ErrUnknown = errors.New("live: no such hole")
	// ErrToken is a value of kind Token that holds other characters.
	ErrToken = errors.New("live: not a token")
	// ErrNested is a hole that was asked for in the function of a hole.
	ErrNested = errors.New("live: a hole inside a hole")
	// ErrDamaged is what cannot be the holes of a stored text.
	ErrDamaged = errors.New("live: damaged holes")
)

// ValueError is a hole whose value could not be had. It does not hold the value.
type ValueError struct {
	Name string
	Err  error // of the function, what it panicked with, or what is wrong with its value
}

func (e *ValueError) Error() string { return fmt.Sprintf("live: hole %q: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *ValueError) Unwrap() error { return e.Err }
