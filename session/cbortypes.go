package session

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Values that CBOR itself gives back with another Go type carry one of these
// tags. The numbers are in the range that RFC 8949 leaves to whoever comes
// first; what is stored under them never changes.
const (
	tagInt64 = 0x4563_6f00 + iota
	tagInt32
	tagInt16
	tagInt8
	tagUint // content: decimal text, since it may be above 2^63
	tagUint64
	tagUint32
	tagUint16
	tagUint8
	tagFloat32
	tagTime // content: time.Time.MarshalBinary
	tagDuration
	tagStrings
	tagInts
	tagStringMap
	tagNamed // content: [name, CBOR of the value]
)

// tagged returns v under a tag.
func tagged(number uint64, v any) (any, error) { return cbor.Tag{Number: number, Content: v}, nil }

// pack returns v in a form that unpack gives back with the same type.
func (c *CBOR) pack(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, []byte, int, float64:
		return v, nil
	case int64:
		return tagged(tagInt64, v)
	case int32:
		return tagged(tagInt32, v)
	case int16:
		return tagged(tagInt16, v)
	case int8:
		return tagged(tagInt8, v)
	case uint:
		return tagged(tagUint, strconv.FormatUint(uint64(v), 10))
	case uint64:
		return tagged(tagUint64, strconv.FormatUint(v, 10))
	case uint32:
		return tagged(tagUint32, v)
	case uint16:
		return tagged(tagUint16, v)
	case uint8:
		return tagged(tagUint8, v)
	case float32:
		return tagged(tagFloat32, v)
	case time.Time:
		b, err := v.MarshalBinary()
		if err != nil {
			return nil, err
		}
		return tagged(tagTime, b)
	case time.Duration:
		return tagged(tagDuration, int64(v))
	case []string:
		return tagged(tagStrings, v)
	case []int:
		return tagged(tagInts, v)
	case map[string]string:
		return tagged(tagStringMap, v)
	case []any:
		return c.packSlice(v)
	case map[string]any:
		return c.packMap(v)
	}
	return c.packNamed(v)
}

func (c *CBOR) packSlice(v []any) (any, error) {
	packed := make([]any, len(v))
	for i, item := range v {
		p, err := c.pack(item)
		if err != nil {
			return nil, err
		}
		packed[i] = p
	}
	return packed, nil
}

func (c *CBOR) packMap(v map[string]any) (any, error) {
	packed := make(map[string]any, len(v))
	for key, item := range v {
		p, err := c.pack(item)
		if err != nil {
			return nil, err
		}
		packed[key] = p
	}
	return packed, nil
}

func (c *CBOR) packNamed(v any) (any, error) {
	name := typeName(reflect.TypeOf(v))
	if name == "" || c.types[name] == nil {
		return nil, fmt.Errorf("type %T is not known: name it in CBORConfig.Types, or use scs.GobCodec", v)
	}
	data, err := cborModes.enc.Marshal(v)
	if err != nil {
		return nil, err
	}
	return tagged(tagNamed, []any{name, data})
}

// unpack is the reverse of pack. Whatever it is given, it returns a value or an
// error.
func (c *CBOR) unpack(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, []byte, float64:
		return v, nil
	case int64:
		return narrow[int](v, math.MinInt, math.MaxInt)
	case []any:
		for i, item := range v {
			u, err := c.unpack(item)
			if err != nil {
				return nil, err
			}
			v[i] = u
		}
		return v, nil
	case map[string]any:
		for key, item := range v {
			u, err := c.unpack(item)
			if err != nil {
				return nil, err
			}
			v[key] = u
		}
		return v, nil
	case cbor.Tag:
		return c.unpackTag(v)
	}
	return nil, fmt.Errorf("a %T does not belong into a session", v)
}

func (c *CBOR) unpackTag(tag cbor.Tag) (any, error) {
	switch content := tag.Content.(type) {
	case int64:
		return unpackInt(tag.Number, content)
	case string:
		return unpackUint(tag.Number, content)
	case []byte:
		if tag.Number == tagTime {
			var at time.Time
			err := at.UnmarshalBinary(content)
			return at, err
		}
	case float64:
		if tag.Number == tagFloat32 {
			return float32(content), nil
		}
	case nil:
		return unpackNil(tag.Number)
	case []any:
		if tag.Number == tagNamed {
			return c.unpackNamed(content)
		}
		return unpackSlice(tag.Number, content)
	case map[string]any:
		if tag.Number == tagStringMap {
			return unpackStringMap(content)
		}
	}
	return nil, errTag(tag.Number)
}

func errTag(number uint64) error {
	return fmt.Errorf("tag %d with content that does not fit: another version may have written it", number)
}

func unpackInt(number uint64, n int64) (any, error) {
	switch number {
	case tagInt64:
		return n, nil
	case tagInt32:
		return narrow[int32](n, math.MinInt32, math.MaxInt32)
	case tagInt16:
		return narrow[int16](n, math.MinInt16, math.MaxInt16)
	case tagInt8:
		return narrow[int8](n, math.MinInt8, math.MaxInt8)
	case tagUint32:
		return narrow[uint32](n, 0, math.MaxUint32)
	case tagUint16:
		return narrow[uint16](n, 0, math.MaxUint16)
	case tagUint8:
		return narrow[uint8](n, 0, math.MaxUint8)
	case tagDuration:
		return time.Duration(n), nil
	}
	return nil, errTag(number)
}

func narrow[T int | int32 | int16 | int8 | uint32 | uint16 | uint8](n, low, high int64) (any, error) {
	if n < low || n > high {
		return nil, fmt.Errorf("%d does not fit into a %T", n, T(0))
	}
	return T(n), nil
}

func unpackUint(number uint64, text string) (any, error) {
	bits := 64
	if number == tagUint {
		bits = strconv.IntSize
	}
	n, err := strconv.ParseUint(text, 10, bits)
	switch {
	case err != nil:
		return nil, err
	case number == tagUint:
		return uint(n), nil
	case number == tagUint64:
		return n, nil
	}
	return nil, errTag(number)
}

// unpackNil gives back nil slices and maps with their types.
func unpackNil(number uint64) (any, error) {
	switch number {
	case tagStrings:
		return []string(nil), nil
	case tagInts:
		return []int(nil), nil
	case tagStringMap:
		return map[string]string(nil), nil
	}
	return nil, errTag(number)
}

func unpackSlice(number uint64, content []any) (any, error) {
	switch number {
	case tagStrings:
		return all(content, func(v any) (string, bool) { s, ok := v.(string); return s, ok })
	case tagInts:
		return all(content, func(v any) (int, bool) {
			n, ok := v.(int64)
			return int(n), ok && int64(int(n)) == n
		})
	}
	return nil, errTag(number)
}

func all[T any](content []any, as func(any) (T, bool)) (any, error) {
	out := make([]T, len(content))
	for i, item := range content {
		v, ok := as(item)
		if !ok {
			return nil, fmt.Errorf("a %T in a %T", item, out)
		}
		out[i] = v
	}
	return out, nil
}

func unpackStringMap(content map[string]any) (any, error) {
	out := make(map[string]string, len(content))
	for key, item := range content {
		text, ok := item.(string)
		if !ok {
			return nil, fmt.Errorf("a %T in a %T", item, out)
		}
		out[key] = text
	}
	return out, nil
}

func (c *CBOR) unpackNamed(content []any) (any, error) {
	if len(content) != 2 {
		return nil, errTag(tagNamed)
	}
	name, ok := content[0].(string)
	data, ok2 := content[1].([]byte)
	if !ok || !ok2 {
		return nil, errTag(tagNamed)
	}
	t := c.types[name]
	if t == nil {
		return nil, fmt.Errorf("type %.80q is not known: name it in CBORConfig.Types", name)
	}
	v := reflect.New(t)
	if err := cborModes.dec.Unmarshal(data, v.Interface()); err != nil {
		return nil, err
	}
	return v.Elem().Interface(), nil
}
