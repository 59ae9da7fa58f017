package templfragment_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/fragment/templfragment"
)

func FuzzHoles(f *testing.F) {
	f.Add("a|b|c", "x", []byte{1, 9})
	f.Add("||", "", []byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add("", "nonce", []byte{})
	f.Fuzz(func(t *testing.T, html, text string, odd []byte) {
		const word = "nonceWORD"
		marked := strings.ReplaceAll(html, "|", word)
		out, holes, err := templfragment.Fill(templfragment.Punch([]byte(marked), word), text)
		if want := strings.ReplaceAll(marked, word, text); err != nil || string(out) != want || holes != strings.Count(marked, word) {
			t.Fatalf("got %q, %d holes, %v; want %q", out, holes, err, want)
		}
		if out, _, err := templfragment.Fill(odd, ""); err == nil && !bytes.HasSuffix(odd, out) {
			t.Fatalf("got %q from %q", out, odd)
		}
	})
}
