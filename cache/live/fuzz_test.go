package live_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/echoic-go/echoic/cache/live"
)

// FuzzHoles decodes any bytes as holes of any text: it is an error, or a text that
// is filled with every byte in its place and encodes as it was.
func FuzzHoles(f *testing.F) {
	f.Add(live.AppendHoles(nil, []live.Hole{{At: 1, Name: "a", Kind: live.Token}, {At: 1, Name: "b", Kind: live.HTML}}), []byte("xyz"))
	f.Add([]byte{1, 9, 1, 1, 'a'}, []byte("xyz"))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 1}, []byte(""))
	set, err := live.New(live.Config{})
	if err != nil {
		f.Fatal(err)
	}
	value := func(v string) live.Func { return func(context.Context) (string, error) { return v, nil } }
	if err := errors.Join(set.Live("a", live.Token, value("TOKEN")), set.Live("b", live.HTML, value("<b>"))); err != nil {
		f.Fatal(err)
	}
	values := map[string]string{"a": "TOKEN", "b": "&lt;b&gt;"}
	f.Fuzz(func(t *testing.T, encoded, body []byte) {
		holes, rest, err := live.CutHoles(encoded)
		if err != nil {
			return
		}
		again, left, err := live.CutHoles(append(live.AppendHoles(nil, holes), rest...))
		if err != nil || len(again) != len(holes) || !bytes.Equal(left, rest) {
			t.Fatalf("%v reads as %v, %v", holes, again, err)
		}
		text, err := live.NewText(body, holes)
		if err != nil || !set.Knows(holes) {
			return
		}
		got, err := set.Fill(t.Context(), nil, text)
		if err != nil {
			t.Fatal(err)
		}
		var want []byte
		for i := 0; i <= len(body); i++ {
			for _, h := range holes {
				if h.At == i {
					want = append(want, values[h.Name]...)
				}
			}
			if i < len(body) {
				want = append(want, body[i])
			}
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		var b live.Buffer
		b.WriteString("before")
		m := b.Mark()
		if err := b.Splice(t.Context(), set, text); err != nil {
			t.Fatal(err)
		}
		if back := b.Since(m); !bytes.Equal(back.Bytes, body) || len(back.Holes) != len(holes) {
			t.Fatalf("%q came back as %q", body, back.Bytes)
		}
	})
}
