package cache

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// An envelope is what the stores keep for a value: a fixed head, the full key,
// the scope section, and the value in its codec, compressed or not.
//
//	0  magic    0xEC, which no decimal integer starts with
//	1  format   1
//	2  codec
//	3  compressor
//	4  flags
//	5  CRC-32C of all that comes before and follows
//	9  length of the value before compression
//	13 created  milliseconds since 1970
//	21 expires  milliseconds since 1970, 0 for never
//	29 stale    milliseconds after expires in which it may be served stale
//	37 key, section: each its length as uvarint and its bytes
//	.. value
const (
	envelopeMagic  = 0xEC
	envelopeFormat = 1
	offsetCRC      = 5
	offsetBody     = 9
	headSize       = 37

	flagExplicitTTL = 1 << 0
)

var (
	errEnvelope = errors.New("cache: damaged value")
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)

// envelope is the decoded form. Payload is still compressed.
type envelope struct {
	codec      byte
	compressor byte
	explicit   bool // the TTL was given, not defaulted
	rawLen     int
	created    time.Time
	expires    time.Time // fresh until; zero is never
	stale      time.Duration
	key        string
	deps       Deps
	payload    []byte
}

// encode frames e. The result is a new slice that the caller owns.
func (e *envelope) encode() []byte {
	section := e.deps.append(nil)
	b := make([]byte, headSize, headSize+len(e.key)+len(section)+len(e.payload)+2*binary.MaxVarintLen32)
	b[0], b[1], b[2], b[3] = envelopeMagic, envelopeFormat, e.codec, e.compressor
	if e.explicit {
		b[4] |= flagExplicitTTL
	}
	binary.BigEndian.PutUint32(b[9:], uint32(e.rawLen))
	binary.BigEndian.PutUint64(b[13:], uint64(e.created.UnixMilli()))
	binary.BigEndian.PutUint64(b[21:], uint64(unixMilli(e.expires)))
	binary.BigEndian.PutUint64(b[29:], uint64(e.stale.Milliseconds()))
	b = appendString(b, e.key)
	b = binary.AppendUvarint(b, uint64(len(section)))
	b = append(b, section...)
	b = append(b, e.payload...)
	binary.BigEndian.PutUint32(b[offsetCRC:], checksum(b))
	return b
}

// checksum is over all but itself: one bit in the codec's number can make another
// codec of it, which may well read the value.
func checksum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:offsetCRC], castagnoli), castagnoli, b[offsetBody:])
}

// decodeEnvelope reads what encode wrote; every cut and every flipped bit is
// errEnvelope. The payload shares b.
func decodeEnvelope(b []byte) (envelope, error) {
	if len(b) < headSize || b[0] != envelopeMagic || b[1] != envelopeFormat || b[4]&^flagExplicitTTL != 0 {
		return envelope{}, errEnvelope
	}
	if checksum(b) != binary.BigEndian.Uint32(b[offsetCRC:]) {
		return envelope{}, errEnvelope
	}
	e := envelope{
		codec: b[2], compressor: b[3], explicit: b[4]&flagExplicitTTL != 0,
		rawLen:  int(binary.BigEndian.Uint32(b[9:])),
		created: time.UnixMilli(int64(binary.BigEndian.Uint64(b[13:]))),
		expires: fromMilli(int64(binary.BigEndian.Uint64(b[21:]))),
		stale:   time.Duration(binary.BigEndian.Uint64(b[29:])) * time.Millisecond,
	}
	d := decoder{b: b[headSize:]}
	e.key = d.str()
	section := decoder{b: d.bytes()}
	e.deps = section.deps()
	if d.bad || section.bad || len(section.b) != 0 || e.stale < 0 {
		return envelope{}, errEnvelope
	}
	e.payload = d.b
	return e, nil
}

// lifetime is how long the store must keep the envelope from now on.
func (e *envelope) lifetime(now time.Time) time.Duration {
	left := remaining(now, e.expires)
	if left == Forever || e.stale > Forever-max(left, 0) {
		return Forever
	}
	return left + e.stale
}

// allDeps is what a reader depends on: what the value depended on, and its own
// end if somebody asked for it.
func (e *envelope) allDeps() Deps {
	d := e.deps
	if e.explicit {
		d.Expires = earlier(d.Expires, e.expires)
	}
	return d
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// append writes the scope section.
func (d Deps) append(b []byte) []byte {
	if d.IsZero() {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(d.Tags)))
	for _, t := range d.Tags {
		b = appendString(b, t.Name)
		b = append(b, t.Token.encode()...)
	}
	b = binary.AppendVarint(b, unixMilli(d.Expires))
	b = appendString(b, d.Private)
	b = binary.AppendUvarint(b, uint64(len(d.Vary)))
	for _, p := range d.Vary {
		b = appendString(b, p.Name)
		if p.Absent {
			b = append(b, 0)
			continue
		}
		b = append(b, 1)
		b = appendString(b, p.Value)
	}
	return b
}

// decoder takes parts off b and remembers whether one was missing.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	return d.took(v, n)
}

func (d *decoder) took(v uint64, n int) uint64 {
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	return int64(d.took(uint64(v), n))
}

func (d *decoder) next(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	part := d.b[:n:n]
	d.b = d.b[n:]
	return part
}

func (d *decoder) bytes() []byte { return d.next(d.uvarint()) }
func (d *decoder) str() string   { return string(d.bytes()) }

// maxPairs bounds what a scope section may claim to hold.
const maxPairs = 64

func (d *decoder) deps() Deps {
	var deps Deps
	if len(d.b) == 0 {
		return deps
	}
	n := d.uvarint()
	if n > MaxTags {
		d.bad = true
		return deps
	}
	for range n {
		name := d.str()
		deps.Tags = append(deps.Tags, TagToken{Name: name, Token: decodeToken(d.next(tokenSize))})
	}
	deps.Expires = fromMilli(d.varint())
	deps.Private = d.str()
	if n = d.uvarint(); n > maxPairs {
		d.bad = true
		return deps
	}
	for range n {
		p := Pair{Name: d.str(), Absent: true}
		if kind := d.next(1); len(kind) == 1 && kind[0] == 1 {
			p.Absent, p.Value = false, d.str()
		}
		deps.Vary = append(deps.Vary, p)
	}
	return deps
}
