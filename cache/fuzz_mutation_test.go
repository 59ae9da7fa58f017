package cache

import (
	"bytes"
	"testing"
)

// FuzzMutateEnvelope damages what is stored: whatever is done to it, it is found
// out, or it is what it was.
func FuzzMutateEnvelope(f *testing.F) {
	f.Add([]byte{0, 0, 1})
	f.Add([]byte{1, 20, 9})
	f.Add([]byte{2, 200, 0, 3, 4, 4})
	f.Fuzz(func(t *testing.T, edits []byte) {
		e := sampleEnvelope()
		whole := e.encode()
		bad := bytes.Clone(whole)
		// Three bytes are one edit: what, where, with which byte.
		for ; len(edits) >= 3 && len(bad) > 0; edits = edits[3:] {
			at := int(edits[1]) * len(bad) / 256
			switch edits[0] % 4 {
			case 0:
				bad[at] ^= edits[2]
			case 1:
				bad = append(bad[:at], bad[at+1:]...)
			case 2:
				bad = append(bad[:at], append([]byte{edits[2]}, bad[at:]...)...)
			case 3:
				bad = bad[:at]
			}
		}
		got, err := decodeEnvelope(bad)
		if err == nil && !bytes.Equal(bad, whole) {
			t.Fatalf("a damaged envelope was taken for whole: %x, with key %q", bad, got.key)
		}
		if err != nil && bytes.Equal(bad, whole) {
			t.Fatalf("a whole envelope was refused: %v", err)
		}
	})
}
