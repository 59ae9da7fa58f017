package session

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/fxamacker/cbor/v2"
)

// CBOR is the default codec. Values come back with the Go type that they were
// put with: all basic types and slices of bytes, time.Time, time.Duration,
// []string, []int, map[string]string, and []any and map[string]any of all these.
// Other types have to be named in [CBORConfig.Types]; a value of an unknown type
// is an error when the session is saved, which names its key.
//
// What is read is bounded in depth and size, and never makes it panic.
type CBOR struct {
	types   map[string]reflect.Type
	alsoGob bool
}

var _ scs.Codec = (*CBOR)(nil)

// CBORConfig is what a [CBOR] is made of. The zero value is the default codec.
type CBORConfig struct {
	// Types are sample values of the application's own types, such as
	// Cart{} or &Cart{}: whatever package cbor can encode. Stored sessions
	// hold their package path and name, so that renaming one loses them.
	Types []any
	// ReadGob also reads what scs.GobCodec has written, for the time in which
	// sessions of an existing scs application are still alive. Gob is not
	// hardened against hostile data: switch it off again.
	ReadGob bool
}

// NewCBOR returns a codec. It returns an error for types without a name.
func NewCBOR(cfg CBORConfig) (*CBOR, error) {
	c := &CBOR{types: make(map[string]reflect.Type), alsoGob: cfg.ReadGob}
	for _, sample := range cfg.Types {
		t := reflect.TypeOf(sample)
		name := typeName(t)
		if name == "" {
			return nil, fmt.Errorf("session: CBORConfig.Types has a %T: only named types and pointers to them can be told apart", sample)
		}
		c.types[name] = t
	}
	return c, nil
}

// plainCBOR is the codec that Config.Codec defaults to.
var plainCBOR = &CBOR{}

// typeName is the name under which values of type t are stored; empty for types
// that have none.
func typeName(t reflect.Type) string {
	switch {
	case t == nil:
		return ""
	case t.Name() == "" && t.Kind() == reflect.Pointer && t.Elem().Name() != "":
		return "*" + t.Elem().PkgPath() + "." + t.Elem().Name()
	case t.Name() == "":
		return ""
	}
	return t.PkgPath() + "." + t.Name()
}

// magic starts every encoded session: no gob starts so, and the last byte is
// the version of the format.
const magic = "\xec\x53\x01"

// wire is what follows the magic.
type wire struct {
	_        struct{} `cbor:",toarray"`
	Deadline []byte
	Values   map[string]any
}

// Encode implements scs.Codec.
func (c *CBOR) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	packed := make(map[string]any, len(values))
	for key, value := range values {
		p, err := c.pack(value)
		if err != nil {
			return nil, fmt.Errorf("value of %.64q: %w", key, err)
		}
		packed[key] = p
	}
	at, err := deadline.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("deadline: %w", err)
	}
	data, err := cborModes.enc.Marshal(wire{Deadline: at, Values: packed})
	if err != nil {
		return nil, err
	}
	return append([]byte(magic), data...), nil
}

var errFormat = errors.New("not a session in CBOR: if an scs application with gob has written it, set ReadGob")

// Decode implements scs.Codec.
func (c *CBOR) Decode(data []byte) (deadline time.Time, values map[string]any, err error) {
	body, ours := bytes.CutPrefix(data, []byte(magic))
	switch {
	case !ours && c.alsoGob:
		return scs.GobCodec{}.Decode(data)
	case !ours:
		return time.Time{}, nil, errFormat
	}
	var w wire
	if err := cborModes.dec.Unmarshal(body, &w); err != nil {
		return time.Time{}, nil, err
	}
	if err := deadline.UnmarshalBinary(w.Deadline); err != nil {
		return time.Time{}, nil, fmt.Errorf("deadline: %w", err)
	}
	values = make(map[string]any, len(w.Values))
	for key, packed := range w.Values {
		if values[key], err = c.unpack(packed); err != nil {
			return time.Time{}, nil, fmt.Errorf("value of %.64q: %w", key, err)
		}
	}
	return deadline, values, nil
}

// cborModes bound what is read, since others may write to the store, and make
// equal sessions equal bytes.
var cborModes = struct {
	enc cbor.EncMode
	dec cbor.DecMode
}{
	enc: must(cbor.EncOptions{Sort: cbor.SortCanonical, Time: cbor.TimeRFC3339Nano, TimeTag: cbor.EncTagRequired}.EncMode()),
	dec: must(cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		DefaultMapType:   reflect.TypeFor[map[string]any](),
		IntDec:           cbor.IntDecConvertSignedOrFail,
		UTF8:             cbor.UTF8DecodeInvalid, // Go strings can hold any bytes
		MaxNestedLevels:  32,
		MaxArrayElements: 1 << 20,
		MaxMapPairs:      1 << 20,
	}.DecMode()),
}

// must is for options that are constants.
func must[T any](mode T, err error) T {
	if err != nil {
		panic("session: CBOR options: " + err.Error())
	}
	return mode
}
