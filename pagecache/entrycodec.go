package pagecache

import (
	"encoding/binary"
	"errors"
	"net/http"
	"time"
)

var errEntry = errors.New("pagecache: damaged entry")

const entryFormat = 3

const (
	flagShared = 1 << iota
	flagMade
	flagValidate
	flagNoStale
	flagCodable
	flagLive
	flagsKnown = 1<<iota - 1
)

func (e *entry) flags() (b byte) {
	for flag, set := range map[byte]bool{flagShared: e.shared, flagMade: e.made, flagValidate: e.validate, flagNoStale: e.noStale, flagCodable: e.codable, flagLive: e.live != nil} {
		if set {
			b |= flag
		}
	}
	return b
}

// encodeEntry writes what decodeEntry reads.
func encodeEntry(e *entry) ([]byte, error) {
	b := make([]byte, 0, 512+len(e.body)+e.coded.size())
	b = append(b, entryFormat, e.flags())
	b = binary.AppendUvarint(b, uint64(e.status))
	b = binary.AppendVarint(b, e.born.UnixMilli())
	for _, d := range e.times() {
		b = binary.AppendVarint(b, int64(*d/time.Millisecond))
	}
	b = binary.AppendVarint(b, int64(e.render))
	b = binary.AppendUvarint(b, uint64(len(e.header)))
	for _, name := range sortedNames(e.header) {
		b = appendText(b, name)
		b = appendTexts(b, e.header[name])
	}
	b = appendTexts(b, e.fields)
	b = binary.AppendUvarint(b, uint64(len(e.sets)))
	for _, names := range e.sets {
		b = appendTexts(b, names)
	}
	b = appendTexts(b, e.variants)
	b = e.coded.append(b)
	b = e.live.append(b)
	return append(b, e.body...), nil
}

// times are the parts of the lifespan that are kept.
func (e *entry) times() [4]*time.Duration {
	return [4]*time.Duration{&e.life, &e.whileRevalidate, &e.ifError, &e.keep}
}

// decodeEntry takes any bytes: what is not an entry is an error.
func decodeEntry(b []byte) (*entry, error) {
	if len(b) < 2 || b[0] != entryFormat || b[1]&^flagsKnown != 0 {
		return nil, errEntry
	}
	r := reader{b: b[2:]}
	e := &entry{status: int(r.uvarint()), born: time.UnixMilli(r.varint()), made: b[1]&flagMade != 0, codable: b[1]&flagCodable != 0}
	e.shared, e.validate, e.noStale = b[1]&flagShared != 0, b[1]&flagValidate != 0, b[1]&flagNoStale != 0
	for _, d := range e.times() {
		ms := r.varint()
		if ms < 0 || ms > 4*int64(maxDelta/time.Millisecond) {
			return nil, errEntry
		}
		*d = time.Duration(ms) * time.Millisecond
	}
	e.render = time.Duration(r.varint())
	n := r.count(maxHeaderFields)
	e.header = make(http.Header, n)
	for range n {
		name := r.text()
		e.header[name] = r.texts(maxHeaderFields)
	}
	e.fields = r.texts(maxHeaderFields)
	for range r.count(maxValueSets) {
		e.sets = append(e.sets, r.texts(maxHeaderFields))
	}
	e.variants = r.texts(1 << 12)
	e.coded = r.coded()
	if b[1]&flagLive != 0 {
		e.live = r.live()
	}
	e.body = r.b
	if r.bad || (e.status != 0 && (e.status < 200 || e.status > 599)) || !soundHeader(e.header) || e.render < 0 {
		return nil, errEntry
	}
	if e.complete(); !e.soundHoles() {
		return nil, errEntry
	}
	return e, nil
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
