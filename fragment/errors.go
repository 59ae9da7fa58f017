package fragment

import (
	"errors"
	"fmt"
)

// Errors that callers branch on. They come wrapped: test with errors.Is.
var (
	// ErrNoIdentity is a vary argument whose type has no identity that
	// stays: a pointer, a map, a plain struct. The error is a *VaryError.
	ErrNoIdentity = errors.New("fragment: value has no stable identity")
	// ErrBadTTL is a time to live that cannot be read, or is negative.
	ErrBadTTL = errors.New("fragment: bad time to live")
	// ErrTooDeep is a fragment inside too many others: it contains itself.
	ErrTooDeep = errors.New("fragment: nested too deep")
	// ErrNoTemplate is a template name that no loaded set defines.
	ErrNoTemplate = errors.New("fragment: no such template")
	// ErrUnsupportedGo is a html/template of a Go version that shows escaping
	// contexts in a way this package does not know.
	ErrUnsupportedGo = errors.New("fragment: this Go version's html/template does not show escaping contexts as expected")
)

// VaryError is a vary argument that cannot be part of a key.
type VaryError struct {
	Fragment string // its name
	Position int    // of the argument, from 1
	Err      error
}

func (e *VaryError) Error() string {
	return fmt.Sprintf("fragment %q: vary argument %d: %v", e.Fragment, e.Position, e.Err)
}

// Unwrap makes errors.Is(err, ErrNoIdentity) true where that is the reason.
func (e *VaryError) Unwrap() error { return e.Err }

// LoadError is a use of the package's functions in a template that was refused
// when the set was loaded. Load returns all of them, joined.
type LoadError struct {
	Location string // template:line:column
	Reason   string
	Err      error // what html/template said, or nil
}

func (e *LoadError) Error() string {
	return fmt.Sprintf("fragment: template %s: %s", e.Location, e.Reason)
}

// Unwrap returns what html/template said, if that is the cause.
func (e *LoadError) Unwrap() error { return e.Err }
