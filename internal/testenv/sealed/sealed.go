// Package sealed changes what stores keep as an attacker or a faulty program could
// who knows the format of package cache: with a checksum that is right. Tests of
// what the decoders above notice by themselves need it.
package sealed

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// Of the envelope, as cache/envelope.go describes it.
const (
	magic      = 0xEC
	compressor = 3
	crc        = 5
	length     = 9
	head       = 37
)

// Edit returns a copy of a stored value with what edit makes of the part behind the
// envelope. It is false for what is no such value, or is compressed. Edit gets a
// copy.
func Edit(kept []byte, edit func(value []byte) []byte) ([]byte, bool) {
	if len(kept) < head || kept[0] != magic || kept[compressor] != 0 {
		return nil, false
	}
	at := head
	for range 2 { // key and scope section
		size, n := binary.Uvarint(kept[at:])
		if n <= 0 || size > uint64(len(kept)-at-n) {
			return nil, false
		}
		at += n + int(size)
	}
	value := edit(slices.Clone(kept[at:]))
	out := append(slices.Clone(kept[:at]), value...)
	binary.BigEndian.PutUint32(out[length:], uint32(len(value)))
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Checksum(out[:crc], table), table, out[length:])
	binary.BigEndian.PutUint32(out[crc:], sum)
	return out, true
}
