package fragment

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// forever is how templates spell cache.Forever.
const forever = "forever"

// parseTTL reads a time to live as templates give it: a duration string such
// as "500s", "forever", a number of seconds of any numeric type, or a
// time.Duration. Zero means: do not cache. What is too long for a
// time.Duration is for ever.
func parseTTL(v any) (time.Duration, error) {
	switch t := v.(type) {
	case time.Duration:
		return checkTTL(t, t)
	case string:
		return parseTTLString(t)
	case int:
		return secondsTTL(float64(t), t)
	}
	switch rv := reflect.ValueOf(v); {
	case !rv.IsValid():
		return 0, fmt.Errorf("%w: it is nil: give a duration string, a number of seconds or a time.Duration", ErrBadTTL)
	case rv.Kind() == reflect.String:
		return parseTTLString(rv.String())
	case rv.CanInt():
		return secondsTTL(float64(rv.Int()), v)
	case rv.CanUint():
		return secondsTTL(float64(rv.Uint()), v)
	case rv.CanFloat():
		return secondsTTL(rv.Float(), v)
	}
	return 0, fmt.Errorf("%w: it is a %T: give a duration string, a number of seconds or a time.Duration", ErrBadTTL, v)
}

func parseTTLString(s string) (time.Duration, error) {
	if s == forever {
		return cache.Forever, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf(`%w: %s: write "500s", "1h30m" or "forever"`, ErrBadTTL, strings.TrimPrefix(err.Error(), "time: "))
	}
	return checkTTL(d, s)
}

func secondsTTL(seconds float64, given any) (time.Duration, error) {
	switch nanos := seconds * float64(time.Second); {
	case math.IsNaN(seconds):
		return 0, fmt.Errorf("%w: it is not a number", ErrBadTTL)
	case nanos >= math.MaxInt64:
		return cache.Forever, nil
	case nanos < 0:
		return 0, negativeTTL(given)
	default:
		return time.Duration(nanos), nil
	}
}

func checkTTL(d time.Duration, given any) (time.Duration, error) {
	if d < 0 {
		return 0, negativeTTL(given)
	}
	return d, nil
}

func negativeTTL(given any) error {
	return fmt.Errorf("%w: %v is negative: it must be positive, or 0 to switch caching off", ErrBadTTL, given)
}
