package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// Codec turns values into bytes and back. Implementations are safe for
// concurrent use. Decoding what another type wrote is an error, never a panic.
type Codec interface {
	// ID is recorded with every value: 1 to 127 are Echoic's own, 128 to
	// 255 are free for codecs of applications.
	ID() byte
	// Marshal encodes v.
	Marshal(v any) ([]byte, error)
	// Unmarshal decodes data into the pointer v. It must not keep data.
	Unmarshal(data []byte, v any) error
}

// The codecs that every cache can read, whichever it writes.
var (
	// CBOR is RFC 8949: compact, keeps types apart (integers, floats, bytes,
	// times), reads `cbor` and `json` struct tags. The default.
	CBOR Codec = newCBOR()
	// JSON is encoding/json: readable by other programs.
	JSON Codec = jsonCodec{}
	// Raw takes only []byte and string, as they are. The typed API uses it
	// by itself for those two types.
	Raw Codec = rawCodec{}
)

type cborCodec struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

// newCBOR fixes the modes once. Values of type any come back as int64,
// map[string]any and time.Time; nesting and sizes are bounded, since the bytes
// come from a store that others may write to.
func newCBOR() cborCodec {
	enc, err := cbor.EncOptions{
		Sort:    cbor.SortNone,
		Time:    cbor.TimeRFC3339Nano,
		TimeTag: cbor.EncTagRequired,
	}.EncMode()
	if err != nil {
		panic("cache: CBOR encoding options: " + err.Error())
	}
	dec, err := cbor.DecOptions{
		DefaultMapType:   reflect.TypeFor[map[string]any](),
		IntDec:           cbor.IntDecConvertSignedOrFail,
		MaxNestedLevels:  64,
		MaxArrayElements: 1 << 22,
		MaxMapPairs:      1 << 22,
	}.DecMode()
	if err != nil {
		panic("cache: CBOR decoding options: " + err.Error())
	}
	return cborCodec{enc: enc, dec: dec}
}

func (cborCodec) ID() byte                             { return 1 }
func (c cborCodec) Marshal(v any) ([]byte, error)      { return c.enc.Marshal(v) }
func (c cborCodec) Unmarshal(data []byte, v any) error { return c.dec.Unmarshal(data, v) }

type jsonCodec struct{}

func (jsonCodec) ID() byte                           { return 2 }
func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

type rawCodec struct{}

// rawText is Raw for strings: read back as any they are strings, not bytes.
type rawText struct{ rawCodec }

var errNotRaw = errors.New("the raw codec takes only []byte and string")

func (rawCodec) ID() byte { return 3 }

func (rawCodec) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return append([]byte{}, v...), nil
	case string:
		return []byte(v), nil
	}
	return nil, errNotRaw
}

func (rawCodec) Unmarshal(data []byte, v any) error {
	switch v := v.(type) {
	case *[]byte:
		*v = append([]byte{}, data...)
	case *string:
		*v = string(data)
	case *any:
		*v = append([]byte{}, data...)
	default:
		return errNotRaw
	}
	return nil
}

func (rawText) ID() byte { return 4 }

func (c rawText) Unmarshal(data []byte, v any) error {
	if v, ok := v.(*any); ok {
		*v = string(data)
		return nil
	}
	return c.rawCodec.Unmarshal(data, v)
}

// codecOf returns the codec for v: bytes and strings go as they are whatever
// the cache's codec. A nil slice does not: it has to come back as nil.
func (c *Cache) codecOf(v any) Codec {
	switch v := v.(type) {
	case []byte:
		if v != nil {
			return Raw
		}
	case string:
		return rawText{}
	}
	return c.cfg.Codec
}

// codecFor finds the codec that wrote a value.
func (c *Cache) codecFor(id byte) (Codec, error) {
	switch id {
	case CBOR.ID():
		return CBOR, nil
	case JSON.ID():
		return JSON, nil
	case Raw.ID():
		return Raw, nil
	case rawText{}.ID():
		return rawText{}, nil
	case c.cfg.Codec.ID():
		return c.cfg.Codec, nil
	}
	return nil, fmt.Errorf("cache: value written by unknown codec %d", id)
}
