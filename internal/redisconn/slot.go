package redisconn

import (
	"net"
	"strconv"
)

// slotCount is how many slots the keys of a Cluster fall into.
const slotCount = 16384

// tagOf returns a hash tag whose slot is slot: always the same one, the smallest
// number that fits. It tries 16 thousand of them on average, a fraction of a
// millisecond.
func tagOf(slot int) string {
	var digits [20]byte
	for n := int64(0); ; n++ {
		if text := strconv.AppendInt(digits[:0], n, 10); int(crc16(text))%slotCount == slot {
			return "{" + string(text) + "}"
		}
	}
}

// crc16 is the checksum that a Cluster divides keys by: CRC-16/XMODEM.
func crc16(text []byte) (sum uint16) {
	for _, b := range text {
		sum ^= uint16(b) << 8
		for range 8 {
			if sum&0x8000 != 0 {
				sum = sum<<1 ^ 0x1021
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}

// slotRange is the first and the last of slots that belong together.
type slotRange [2]int64

// slotOwners reads the answer to CLUSTER SLOTS, by either client, of the node at
// addr: the addresses of the primaries and their slots.
func slotOwners(reply any, addr string) map[string][]slotRange {
	list, _ := reply.([]any)
	owners := make(map[string][]slotRange)
	for _, item := range list {
		fields, _ := item.([]any)
		if len(fields) < 3 {
			continue
		}
		first, ok := fields[0].(int64)
		last, also := fields[1].(int64)
		owner, _ := fields[2].([]any)
		if !ok || !also || first < 0 || last >= slotCount || first > last || len(owner) < 2 {
			continue
		}
		port, ok := owner[1].(int64)
		host := text(owner[0])
		if !ok || host == "?" {
			continue // a node that does not know where it is
		}
		if host == "" { // the address by which it was reached
			host, _, _ = net.SplitHostPort(addr)
		}
		primary := net.JoinHostPort(host, strconv.FormatInt(port, 10))
		owners[primary] = append(owners[primary], slotRange{first, last})
	}
	return owners
}

// text is a string of either client's.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// lowest returns the lowest slot.
func lowest(ranges []slotRange) int {
	low := int64(slotCount)
	for _, r := range ranges {
		low = min(low, r[0])
	}
	return int(low)
}
