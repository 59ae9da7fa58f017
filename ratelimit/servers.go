package ratelimit

import (
	"crypto/sha256"
	"encoding/binary"
)

// servers is who was seen last. It does not change; another takes its place.
type servers struct {
	own string
	ids []string // with own
}

// holds reports whether this server is among the so many that have a share in
// the key: those to which the key and their names give the highest numbers. All
// servers that know of the same ones agree on it.
func (s *servers) holds(tag, key string, holders int) bool {
	if holders >= len(s.ids) {
		return true
	}
	own, above := weight(s.own, tag, key), 0
	for _, id := range s.ids {
		if id != s.own && weight(id, tag, key) > own {
			above++
		}
	}
	return above < holders
}

func weight(id, tag, key string) uint64 {
	sum := sha256.Sum256([]byte(id + "\x00" + tag + "\x00" + key))
	return binary.BigEndian.Uint64(sum[:])
}
