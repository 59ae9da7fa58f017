package templfragment

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
)

// newWord makes a word that nobody can know before it is used: where it comes
// out, it came from the nonce. It needs no escaping anywhere.
func newWord() string { return "nonce" + rand.Text() }

var errHoles = errors.New("what is kept has no valid holes")

// punch takes the word out of html, and puts in front where it was: the number
// of holes, and the distance of each from the one before.
func punch(html []byte, word string) []byte {
	parts := bytes.Split(html, []byte(word))
	out := binary.AppendUvarint(nil, uint64(len(parts)-1))
	for _, p := range parts[:len(parts)-1] {
		out = binary.AppendUvarint(out, uint64(len(p)))
	}
	return append(out, bytes.Join(parts, nil)...)
}

// fill puts text into the holes, and returns how many there were.
func fill(kept []byte, text string) (html []byte, holes int, err error) {
	n, size := binary.Uvarint(kept)
	if size <= 0 || n > uint64(len(kept)) {
		return nil, 0, errHoles
	}
	kept = kept[size:]
	distances := make([]uint64, n)
	for i := range distances {
		if distances[i], size = binary.Uvarint(kept); size <= 0 {
			return nil, 0, errHoles
		}
		kept = kept[size:]
	}
	html = make([]byte, 0, len(kept)+len(distances)*len(text))
	for _, d := range distances {
		if d > uint64(len(kept)) {
			return nil, 0, errHoles
		}
		html = append(append(html, kept[:d]...), text...)
		kept = kept[d:]
	}
	return append(html, kept...), len(distances), nil
}
