package fragment

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"time"
)

// Keyer gives a value its identity in keys. It should name the thing and its
// version, for example "quote/7/1731590400", so that a changed thing has
// another key.
type Keyer interface{ CacheKey() string }

// maxVaryDepth bounds slices inside slices, which can contain themselves.
const maxVaryDepth = 16

// encodeVary appends the arguments, typed and length-prefixed, so that no two
// lists of arguments read the same: ("a", "b") is not ("ab"), 1 is not "1".
func encodeVary(b []byte, name string, vary []any) ([]byte, error) {
	for i, v := range vary {
		var simple bool
		if b, simple = appendSimple(b, v); simple {
			continue
		}
		// Apart, so that b can stay on the stack of the caller.
		rest, err := appendValue(nil, v, 0)
		if err != nil {
			return nil, &VaryError{Fragment: name, Position: i + 1, Err: err}
		}
		b = append(b, rest...)
	}
	return b, nil
}

func appendFramed(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// appendSimple encodes the types that are used most.
func appendSimple(b []byte, v any) (_ []byte, done bool) {
	switch t := v.(type) {
	case nil:
		return append(b, 'n'), true
	case string:
		return appendFramed(append(b, 's'), t), true
	case int:
		return appendInt(b, int64(t)), true
	case bool:
		return appendBool(b, t), true
	case time.Time:
		return appendTime(b, t), true
	}
	return b, false
}

// appendValue encodes one value. The letter before each says its type.
func appendValue(b []byte, v any, depth int) ([]byte, error) {
	if simple, done := appendSimple(b, v); done {
		return simple, nil
	}
	if method, done, err := appendMethod(b, v); done {
		return method, err
	}
	rv := reflect.ValueOf(v)
	switch {
	case rv.Kind() == reflect.String:
		return appendFramed(append(b, 's'), rv.String()), nil
	case rv.Kind() == reflect.Bool:
		return appendBool(b, rv.Bool()), nil
	case rv.CanInt():
		return appendInt(b, rv.Int()), nil
	case rv.CanUint() && rv.Uint() <= math.MaxInt64:
		return appendInt(b, int64(rv.Uint())), nil
	case rv.CanUint():
		return binary.BigEndian.AppendUint64(append(b, 'u'), rv.Uint()), nil
	case rv.CanFloat():
		return binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(rv.Float())), nil
	case rv.Kind() == reflect.Slice, rv.Kind() == reflect.Array:
		return appendList(b, rv, depth)
	}
	return nil, fmt.Errorf("%w: it is a %T%s", ErrNoIdentity, v, remedy(rv.Kind()))
}

// appendMethod encodes values that know their identity. A nil pointer to one
// has none to ask.
func appendMethod(b []byte, v any) (_ []byte, done bool, err error) {
	keyer, isKeyer := v.(Keyer)
	text, isText := v.(encoding.TextMarshaler)
	if !isKeyer && !isText {
		return b, false, nil
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
		return append(b, 'n'), true, nil
	}
	if isKeyer {
		return appendFramed(append(b, 'k'), keyer.CacheKey()), true, nil
	}
	if t, ok := v.(*time.Time); ok {
		return appendTime(b, *t), true, nil
	}
	out, err := text.MarshalText()
	if err != nil {
		return nil, true, fmt.Errorf("MarshalText of %T: %w", v, err)
	}
	return appendFramed(append(b, 'm'), string(out)), true, nil
}

func appendList(b []byte, rv reflect.Value, depth int) ([]byte, error) {
	if depth >= maxVaryDepth {
		return nil, fmt.Errorf("%w: slices nested more than %d deep", ErrNoIdentity, maxVaryDepth)
	}
	b = binary.AppendUvarint(append(b, 'l'), uint64(rv.Len()))
	var err error
	for i := range rv.Len() {
		if b, err = appendValue(b, rv.Index(i).Interface(), depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendInt(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(n))
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 'T')
	}
	return append(b, 'F')
}

// appendTime encodes the instant; the wall clock of a zone is not part of it.
func appendTime(b []byte, t time.Time) []byte {
	b = binary.BigEndian.AppendUint64(append(b, 't'), uint64(t.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func remedy(kind reflect.Kind) string {
	switch kind {
	case reflect.Pointer:
		return ": pass an id or the value that it points to, or give the type a CacheKey() string method"
	case reflect.Struct:
		return ": pass its id and version, or give the type a CacheKey() string method"
	case reflect.Map:
		return ": pass the entries that matter"
	default:
		return ": pass strings, numbers, bools or times"
	}
}
