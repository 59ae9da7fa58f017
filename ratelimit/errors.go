package ratelimit

import (
	"errors"
	"fmt"
)

// ErrUnavailable is what a Store's errors wrap when it cannot decide now.
var ErrUnavailable = errors.New("ratelimit: store unavailable")

// LimitError is a Limit that cannot be used.
type LimitError struct {
	Limit Limit
	// Field is the field that is wrong, and Problem what is wrong and what to
	// do.
	Field, Problem string
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("ratelimit: Limit.%s of limit %.80q %s", e.Field, e.Limit.Name, e.Problem)
}
