package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/echoic-go/echoic/cache"
)

// A request whose context has a [cache.Assumed] is one that a page cache makes for
// all visitors with some values. It has no session but these: the store is never
// asked, the cookie not looked at, and whatever else is read, or written, fails.

var _ cache.Assumer = (*Manager)(nil)

// errAssumed is why.
var errAssumed = errors.New("the page is made in the background for all visitors with the same values: only these can be read")

// Assumes implements [cache.Assumer]: for the keys of Config.Shareable.
func (m *Manager) Assumes(name string) bool { return slices.Contains(m.cfg.Shareable, name) }

// assumedIn returns what the request is made for; nil for one of a visitor.
func assumedIn(ctx context.Context) *cache.Assumed {
	a, _ := ctx.Value(cache.AssumedKey{}).(*cache.Assumed)
	return a
}

// refuse lets what is being made be forgotten.
func (v *visit) refuse() error {
	v.assumed.Refuse()
	return &StoreError{Op: "load", Err: errAssumed}
}

// assumedPair is pair for a visitor who is not there.
func (v *visit) assumedPair(key string) (value any, pair cache.Pair, ok bool) {
	pair, known := v.assumed.Pair(key)
	if known && pair.Absent {
		return nil, pair, true
	}
	if known {
		value, ok = unstable(pair.Value)
	}
	return value, pair, ok
}

// unstable returns the value that stable has written.
func unstable(text string) (value any, ok bool) {
	kind, number, typed := strings.Cut(text, " ")
	if !strings.HasPrefix(text, "\x00") {
		return text, len(text) <= maxShared
	}
	if !typed {
		return nil, false
	}
	var err error
	switch kind {
	case "\x00bool":
		value, err = strconv.ParseBool(number)
	case "\x00int":
		value, err = strconv.Atoi(number)
	case "\x00int32":
		var n int64
		n, err = strconv.ParseInt(number, 10, 32)
		value = int32(n)
	case "\x00int64":
		value, err = strconv.ParseInt(number, 10, 64)
	case "\x00float64":
		value, err = strconv.ParseFloat(number, 64)
	default:
		err = fmt.Errorf("kind %q", kind)
	}
	again, same := stable(value)
	return value, err == nil && same && again == text
}
