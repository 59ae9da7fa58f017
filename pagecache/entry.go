package pagecache

import (
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// entry is a stored answer, or the list of variants of a URL. It is immutable
// but for the fields that are computed anew every second, and shared by all
// who serve it.
type entry struct {
	status  int
	header  http.Header // replayed on every hit
	body    []byte
	length  []string // Content-Length
	etag    string
	lastMod time.Time
	born    time.Time     // when the answer was made, its own age taken off
	life    time.Duration // how long it is fresh, from born
	render  time.Duration // what the handler took
	shared  bool          // may be served to requests with Authorization

	// For a list of variants: the request headers that select one, and the
	// keys of those stored so far.
	fields   []string
	variants []string

	second atomic.Pointer[secondly]
}

// secondly are the header values that change with the age.
type secondly struct {
	age    int64
	values [3][]string // Age, Cache-Status, Server-Timing
	date   []string
}

// isIndex reports a list of variants.
func (e *entry) isIndex() bool { return e.status == 0 }

// size is about the memory of the entry in bytes.
func (e *entry) size() int {
	size := 512 + len(e.body) + len(e.etag)
	for name, values := range e.header {
		size += 64 + len(name)
		for _, v := range values {
			size += 16 + len(v)
		}
	}
	for _, list := range [...][]string{e.fields, e.variants} {
		for _, s := range list {
			size += 16 + len(s)
		}
	}
	return size
}

var errEntry = errors.New("pagecache: damaged entry")

const entryFormat = 1

// encodeEntry writes what decodeEntry reads.
func encodeEntry(e *entry) ([]byte, error) {
	b := make([]byte, 0, 256+len(e.body))
	b = append(b, entryFormat, boolByte(e.shared))
	b = binary.AppendUvarint(b, uint64(e.status))
	b = binary.AppendVarint(b, e.born.UnixMilli())
	b = binary.AppendVarint(b, int64(e.life/time.Millisecond))
	b = binary.AppendVarint(b, int64(e.render))
	b = binary.AppendUvarint(b, uint64(len(e.header)))
	for _, name := range sortedNames(e.header) {
		b = appendText(b, name)
		b = appendTexts(b, e.header[name])
	}
	b = appendTexts(b, e.fields)
	b = appendTexts(b, e.variants)
	return append(b, e.body...), nil
}

// decodeEntry takes any bytes: what is not an entry is an error.
func decodeEntry(b []byte) (*entry, error) {
	if len(b) < 2 || b[0] != entryFormat || b[1] > 1 {
		return nil, errEntry
	}
	r := reader{b: b[2:]}
	e := &entry{shared: b[1] == 1, status: int(r.uvarint()), born: time.UnixMilli(r.varint())}
	e.life = time.Duration(r.varint()) * time.Millisecond
	e.render = time.Duration(r.varint())
	n := r.count(maxHeaderFields)
	e.header = make(http.Header, n)
	for range n {
		name := r.text()
		e.header[name] = r.texts(maxHeaderFields)
	}
	e.fields = r.texts(maxHeaderFields)
	e.variants = r.texts(1 << 12)
	e.body = r.b
	if r.bad || (e.status != 0 && (e.status < 200 || e.status > 599)) || !soundHeader(e.header) || e.life < 0 || e.render < 0 {
		return nil, errEntry
	}
	return e.complete(), nil
}

// complete fills in what follows from the rest.
func (e *entry) complete() *entry {
	if e.isIndex() {
		return e
	}
	e.etag = e.header.Get("Etag")
	e.lastMod, _ = http.ParseTime(e.header.Get("Last-Modified"))
	if bodyAllowed(e.status) {
		e.length = []string{strconv.Itoa(len(e.body))}
	}
	return e
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

func sortedNames(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

// reader takes parts off b and remembers whether one was missing.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.bad, r.b = true, nil }

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) count(most int) int {
	n := r.uvarint()
	if n > uint64(most) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) texts(most int) []string {
	n := r.count(most)
	if n == 0 {
		return nil
	}
	list := make([]string, 0, n)
	for range n {
		list = append(list, r.text())
	}
	return list
}
