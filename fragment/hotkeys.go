package fragment

import (
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"

	"github.com/echoic-go/echoic/cache"
)

// hotKeys remembers the keys of fragments that were found: the next lookup with the
// same arguments neither builds nor hashes one, which is a third of what a hit costs
// beside text/template. It is a table of fixed size.
type hotKeys struct {
	seed  maphash.Seed
	slots [1 << 10]atomic.Pointer[hotKey]
}

// hotKey is the key of one fragment.
type hotKey struct {
	id   *identity
	args string    // as request frames them
	key  cache.Key // which compares
	hot  cache.Key // the same, for lookups
}

// maxHotArgs is the most bytes of arguments that are remembered, so that the table
// stays below half a megabyte.
const maxHotArgs = 128

func (k *hotKeys) slot(id *identity, args []byte) *atomic.Pointer[hotKey] {
	h := maphash.Bytes(k.seed, args) ^ id.hash
	return &k.slots[h%uint64(len(k.slots))]
}

// of returns the key of a fragment, nil if it is not known.
func (k *hotKeys) of(id *identity, args []byte) *hotKey {
	if at := k.slot(id, args).Load(); at != nil && at.id == id && at.args == string(args) {
		return at
	}
	return nil
}

// remember notes the key of a request that was answered. A table of thousands of
// rows would write the slots anew all the time: one that is taken changes hands
// seldom.
func (k *hotKeys) remember(req *request) {
	fields := req.base.Fields()
	args := fields[len(fields)-1]
	slot := k.slot(req.id, []byte(args))
	if len(args) > maxHotArgs || slot.Load() != nil && rand.Uint32()%16 != 0 {
		return
	}
	slot.Store(&hotKey{id: req.id, args: args, key: req.base, hot: req.base.Hot()})
}
