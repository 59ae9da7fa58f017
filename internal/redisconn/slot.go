package redisconn

import "strconv"

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
