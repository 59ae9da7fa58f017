package fragment

import (
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Describe reads what [cache.Cache.Inspect] found under the key of a fragment: its
// text, and when it becomes stale, zero for never. It is false for what is none.
func Describe(i cache.Inspection) (body []byte, fresh time.Time, ok bool) {
	if e, held := i.Object.(entry); held {
		return e.Bytes, e.fresh, true
	}
	e, err := decodeEntry(i.Plain)
	return e.Bytes, e.fresh, err == nil
}
