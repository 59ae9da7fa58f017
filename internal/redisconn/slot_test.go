package redisconn

import (
	"regexp"
	"testing"
)

// It is an internal test because a Cluster shows only a few of the tags.
func TestTagOf(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^\{[0-9]+\}$`)
	for _, slot := range []int{0, 1, 5461, 8192, 10923, slotCount - 1} {
		tag := tagOf(slot)
		if !form.MatchString(tag) || tagOf(slot) != tag {
			t.Errorf("slot %d: %q, then %q", slot, tag, tagOf(slot))
		}
		if got := int(crc16([]byte(tag[1:len(tag)-1]))) % slotCount; got != slot {
			t.Errorf("slot %d: %s is of slot %d", slot, tag, got)
		}
	}
	// The check value of the cluster specification.
	if sum := crc16([]byte("123456789")); sum != 0x31C3 {
		t.Errorf("crc16 of 123456789 is %#x", sum)
	}
}

func BenchmarkTagOf(b *testing.B) {
	for i := range b.N {
		tagOf(i % slotCount)
	}
}
