package cache

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func sampleEnvelope() envelope {
	return envelope{
		codec: 1, compressor: 0, explicit: true, rawLen: 5,
		created: time.UnixMilli(1_700_000_000_123), expires: time.UnixMilli(1_700_000_300_123), stale: 2 * time.Second,
		key: "app:1:v:quote:7",
		deps: Deps{
			Tags:    []TagToken{{Name: "quote:7", Token: Token{ID: 1, Seq: 2}}, {Name: "", Token: Token{}}},
			Expires: time.UnixMilli(1_700_000_200_000), Private: "session",
			Vary: []Pair{{Name: "locale", Value: "de"}, {Name: "theme", Absent: true}, {Name: "empty"}},
		},
		payload: []byte("hello"),
	}
}

func TestEnvelopeRoundTrip(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]envelope{"full": sampleEnvelope(), "plain": {codec: 3, created: time.UnixMilli(1), key: "k", payload: []byte{}}} {
		got, err := decodeEnvelope(e.encode())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, e)
		}
	}
}

// SAFETY 12: every cut and every flipped bit is noticed.
func TestEnvelopeDamage(t *testing.T) {
	t.Parallel()
	e := sampleEnvelope()
	whole := e.encode()
	for n := range whole {
		if _, err := decodeEnvelope(whole[:n]); err == nil {
			t.Fatalf("cut after %d of %d bytes went unnoticed", n, len(whole))
		}
	}
	for bit := range len(whole) * 8 {
		bad := bytes.Clone(whole)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := decodeEnvelope(bad); err == nil {
			t.Fatalf("flipped bit %d of byte %d went unnoticed", bit%8, bit/8)
		}
	}
	if _, err := decodeEnvelope(append(bytes.Clone(whole), 0)); err == nil {
		t.Fatal("an extra byte went unnoticed")
	}
}

func FuzzDecodeEnvelope(f *testing.F) {
	e := sampleEnvelope()
	f.Add(e.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decodeEnvelope(b)
		if err != nil {
			return
		}
		again, err := decodeEnvelope(e.encode())
		if err != nil || again.key != e.key || !bytes.Equal(again.payload, e.payload) {
			t.Fatalf("decoded envelope does not survive encoding: %v", err)
		}
	})
}

func TestCompressors(t *testing.T) {
	t.Parallel()
	plain := bytes.Repeat([]byte("echoic "), 5000)
	for name, c := range map[string]Compressor{"none": NoCompression, "zlib": Zlib, "gzip": Gzip, "zstd": Zstd} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 3 { // pooled writers and readers, too
				small, err := c.compress(nil, plain)
				if err != nil {
					t.Fatal(err)
				}
				got, err := c.expand(small, len(plain))
				if err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("round trip: %v", err)
				}
				for _, size := range []int{0, 1, len(plain) - 1, len(plain) + 1} {
					if _, err := c.expand(small, size); err == nil {
						t.Errorf("expanding to %d of %d bytes was no error", size, len(plain))
					}
				}
				for n := range min(len(small)-1, 200) {
					if c != NoCompression {
						if _, err := c.expand(small[:n], len(plain)); err == nil {
							t.Fatalf("cut after %d bytes went unnoticed", n)
						}
					}
				}
			}
		})
	}
}

func FuzzExpand(f *testing.F) {
	for _, c := range []Compressor{Zlib, Gzip, Zstd} {
		small, err := c.compress(nil, bytes.Repeat([]byte("a"), 300))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(c.id(), small, uint16(300))
	}
	f.Fuzz(func(t *testing.T, id byte, b []byte, size uint16) {
		c, err := compressorFor(id)
		if err != nil {
			return
		}
		if got, err := c.expand(b, int(size)); err == nil && len(got) != int(size) {
			t.Fatalf("expanded to %d bytes instead of %d", len(got), size)
		}
	})
}
