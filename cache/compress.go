package cache

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Compressor makes stored values smaller. The zero value is not usable; take
// one of the package's own.
type Compressor interface {
	// id is recorded with every value. The method is unexported: values
	// must be readable by every server of a site, so the set is closed.
	id() byte
	compress(dst, src []byte) ([]byte, error)
	// reader expands src; what it yields is read up to a known length only.
	expand(src []byte, size int) ([]byte, error)
}

// The compressors. Every cache reads all of them, whichever it writes.
var (
	NoCompression Compressor = noCompression{}
	Zlib          Compressor = &deflate{code: 1, newWriter: func() resetWriter { return zlib.NewWriter(nil) }, newReader: openZlib}
	Gzip          Compressor = &deflate{code: 2, newWriter: func() resetWriter { return gzip.NewWriter(nil) }, newReader: openGzip}
	Zstd          Compressor = &zstandard{}
)

// CompressorByName returns the compressor called none, zlib, gzip or zstd.
func CompressorByName(name string) (Compressor, error) {
	switch name {
	case "none":
		return NoCompression, nil
	case "zlib":
		return Zlib, nil
	case "gzip":
		return Gzip, nil
	case "zstd":
		return Zstd, nil
	}
	return nil, fmt.Errorf("cache: unknown compression %q: use none, zlib, gzip or zstd", name)
}

func compressorFor(id byte) (Compressor, error) {
	for _, c := range [...]Compressor{NoCompression, Zlib, Gzip, Zstd} {
		if c.id() == id {
			return c, nil
		}
	}
	return nil, fmt.Errorf("cache: value written by unknown compressor %d", id)
}

type noCompression struct{}

func (noCompression) id() byte                                 { return 0 }
func (noCompression) compress(dst, src []byte) ([]byte, error) { return append(dst, src...), nil }
func (noCompression) expand(src []byte, size int) ([]byte, error) {
	if len(src) != size {
		return nil, fmt.Errorf("cache: value has %d bytes instead of %d", len(src), size)
	}
	return src, nil
}

type resetWriter interface {
	io.WriteCloser
	Reset(io.Writer)
}

type resetReader interface {
	io.ReadCloser
	reset(src io.Reader) error
}

type zlibReader struct{ io.ReadCloser }

func (r zlibReader) reset(src io.Reader) error { return r.ReadCloser.(zlib.Resetter).Reset(src, nil) }

type gzipReader struct{ *gzip.Reader }

func (r gzipReader) reset(src io.Reader) error { return r.Reset(src) }

func openZlib(src io.Reader) (resetReader, error) {
	r, err := zlib.NewReader(src)
	return zlibReader{r}, err
}

func openGzip(src io.Reader) (resetReader, error) {
	r, err := gzip.NewReader(src)
	return gzipReader{r}, err
}

// deflate is zlib and gzip, which differ only in their frames. Writers and
// readers are pooled: each holds some hundred kilobytes of tables.
type deflate struct {
	code      byte
	newWriter func() resetWriter
	newReader func(io.Reader) (resetReader, error)
	writers   sync.Pool
	readers   sync.Pool
}

func (d *deflate) id() byte { return d.code }

func (d *deflate) compress(dst, src []byte) ([]byte, error) {
	w, ok := d.writers.Get().(resetWriter)
	if !ok {
		w = d.newWriter()
	}
	defer d.writers.Put(w)
	buf := bytes.NewBuffer(dst)
	w.Reset(buf)
	if _, err := w.Write(src); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func (d *deflate) expand(src []byte, size int) ([]byte, error) {
	r, ok := d.readers.Get().(resetReader)
	var err error
	if ok {
		err = r.reset(bytes.NewReader(src))
	} else {
		r, err = d.newReader(bytes.NewReader(src))
	}
	if err != nil {
		return nil, err
	}
	defer d.readers.Put(r)
	return readExactly(r, size)
}

// zstdWindow is how far frames of ours look back, and the most that others may
// ask for: the decoder sets the memory aside before it has read any.
const zstdWindow = 8 << 20

type zstandard struct {
	encoders sync.Pool
	decoders sync.Pool
}

func (z *zstandard) id() byte { return 3 }

func (z *zstandard) compress(dst, src []byte) ([]byte, error) {
	enc, ok := z.encoders.Get().(*zstd.Encoder)
	if !ok {
		var err error
		if enc, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow)); err != nil {
			return nil, err
		}
	}
	defer z.encoders.Put(enc)
	return enc.EncodeAll(src, dst), nil
}

func (z *zstandard) expand(src []byte, size int) ([]byte, error) {
	dec, ok := z.decoders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		if dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow)); err != nil {
			return nil, err
		}
	}
	defer z.decoders.Put(dec)
	if err := dec.Reset(bytes.NewReader(src)); err != nil {
		return nil, err
	}
	return readExactly(dec, size)
}

// readExactly reads size bytes and the end, and never more: a kilobyte of gzip
// can stand for a megabyte. The buffer grows with what really arrives, so that
// a forged size costs nothing.
func readExactly(r io.Reader, size int) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(min(size, 64<<10) + bytes.MinRead)
	n, err := buf.ReadFrom(io.LimitReader(r, int64(size)+1))
	if err != nil {
		return nil, err
	}
	if n != int64(size) {
		return nil, fmt.Errorf("cache: value expands to another length than the recorded %d", size)
	}
	return buf.Bytes(), nil
}
