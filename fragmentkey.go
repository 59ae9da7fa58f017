package echoic

import "github.com/echoic-go/echoic/fragment"

// FragmentKey returns the tag that the fragment of that name carries for these
// vary arguments, and nothing else does: to purge it together with other tags, in
// a transaction of the application's for instance. It does not purge what
// encloses the fragment; Fragments.Invalidate does. The error is that of a vary
// argument without a stable identity.
func FragmentKey(name string, vary ...any) (string, error) { return fragment.TagOf(name, vary...) }
