package cache

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"testing"
)

// A few bytes must not make the reader of a stored value set memory aside that
// nobody has written: here a frame of zstd that says that it looks back on half a
// gigabyte.
func TestExpandTakesNoMemoryOnTrust(t *testing.T) {
	frame := append([]byte{
		0x28, 0xb5, 0x2f, 0xfd, // magic
		0x00,       // no length, no checksum
		19 << 3,    // window of 1 << 29
		0x29, 0, 0, // the last block, as it is, of five bytes
	}, "hello"...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := Zstd.expand(frame, 5)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 32<<20 || err == nil {
		t.Errorf("%q, %v: took %d MiB for 5 bytes", got, err, took>>20)
	}
}

// What is larger than the window comes back all the same.
func TestExpandBeyondTheWindow(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 1<<20)
	seed := rand.NewChaCha8([32]byte{1})
	_, _ = seed.Read(noise) // never fails
	plain := bytes.Repeat(noise, 20)
	small, err := Zstd.compress(nil, plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Zstd.expand(small, len(plain)); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%d bytes: %v", len(plain), err)
	}
}
