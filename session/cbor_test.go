package session_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/echoic-go/echoic/session"
)

// Cart is a type of an application.
type Cart struct {
	Items []string
	Owner *Owner
}

// Owner is part of a Cart.
type Owner struct{ Name string }

func newCBOR(t testing.TB, cfg session.CBORConfig) *session.CBOR {
	t.Helper()
	c, err := session.NewCBOR(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCBORTypes(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("", 3600)
	values := map[string]any{
		"nil": nil, "bool": true, "string": "héllo", "empty": "", "not utf-8": "\xff\xfe", "bytes": []byte{0, 1, 255},
		"int": 42, "int min": math.MinInt, "int max": math.MaxInt,
		"int8": int8(-8), "int16": int16(-16), "int32": int32(-32), "int64": int64(math.MinInt64),
		"uint": uint(math.MaxUint), "uint8": uint8(255), "uint16": uint16(65535), "uint32": uint32(math.MaxUint32), "uint64": uint64(math.MaxUint64),
		"float32": float32(1.5), "float64": 1e300, "integral": 3.0, "inf": math.Inf(-1),
		"time": time.Date(2026, 11, 24, 1, 2, 3, 4, time.UTC), "zoned": time.Date(2026, 11, 24, 1, 2, 3, 4, berlin), "zero time": time.Time{},
		"duration": 90 * time.Minute,
		"strings":  []string{"a", ""}, "no strings": []string{}, "nil strings": []string(nil),
		"ints": []int{1, -2}, "map": map[string]string{"a": "b"}, "nil map": map[string]string(nil),
		"list": []any{1, "a", []any{int64(2)}, map[string]any{"x": time.Second}}, "tree": map[string]any{"a": map[string]any{"b": []string{"c"}}},
		"cart": Cart{Items: []string{"book"}, Owner: &Owner{"ann"}}, "pointer": &Cart{Items: []string{"pen"}},
		"\xff key": 1,
	}
	c := newCBOR(t, session.CBORConfig{Types: []any{Cart{}, &Cart{}}})
	deadline := time.Date(2026, 12, 1, 0, 0, 0, 123456789, time.UTC)
	data, err := c.Encode(deadline, values)
	if err != nil {
		t.Fatal(err)
	}
	got, back, err := c.Decode(data)
	if err != nil || !got.Equal(deadline) {
		t.Fatalf("deadline %v, %v", got, err)
	}
	for key, want := range values {
		if have := back[key]; !reflect.DeepEqual(have, want) && !sameTime(have, want) {
			t.Errorf("%q: %T %v, want %T %v", key, have, have, want, want)
		}
	}
	if len(back) != len(values) {
		t.Errorf("%d values, want %d", len(back), len(values))
	}
	again, err := c.Encode(deadline, back)
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("equal sessions are not equal bytes: %v", err)
	}
}

func sameTime(a, b any) bool {
	x, ok := a.(time.Time)
	y, ok2 := b.(time.Time)
	if !ok || !ok2 {
		return false
	}
	_, xo := x.Zone()
	_, yo := y.Zone()
	return x.Equal(y) && xo == yo
}

func TestCBORUnknownType(t *testing.T) {
	t.Parallel()
	c := newCBOR(t, session.CBORConfig{})
	for name, value := range map[string]any{"struct": Cart{}, "pointer": &Cart{}, "anonymous": struct{ X int }{}, "channel": make(chan int), "nested": []any{Cart{}}} {
		_, err := c.Encode(time.Now(), map[string]any{name: value})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "CBORConfig.Types") {
			t.Errorf("%s: %v, want an error that names key and remedy", name, err)
		}
	}
	if _, err := session.NewCBOR(session.CBORConfig{Types: []any{struct{}{}}}); err == nil {
		t.Error("a type without a name is accepted")
	}
	known := newCBOR(t, session.CBORConfig{Types: []any{Cart{}}})
	data, err := known.Encode(time.Now(), map[string]any{"cart": Cart{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Decode(data); err == nil || !strings.Contains(err.Error(), "session_test.Cart") {
		t.Errorf("decoding an unknown type: %v", err)
	}
}

func TestCBORReadsGob(t *testing.T) {
	t.Parallel()
	deadline := time.Now().Add(time.Hour).UTC().Round(0)
	data, err := scs.GobCodec{}.Encode(deadline, map[string]any{"user": 42})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := newCBOR(t, session.CBORConfig{}).Decode(data); err == nil {
		t.Error("gob is read without ReadGob")
	}
	got, values, err := newCBOR(t, session.CBORConfig{ReadGob: true}).Decode(data)
	if err != nil || !got.Equal(deadline) || values["user"] != 42 {
		t.Errorf("%v %v %v", got, values, err)
	}
}

// TestUnreadable: damaged data are no outage: the visitor gets a new session,
// and the row is left alone.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	gob.Register(Owner{})
	for name, codec := range map[string]scs.Codec{"cbor": nil, "gob": scs.GobCodec{}} {
		log, logger := newLog()
		m, p := newManager(t, session.Config{Codec: codec, Logger: logger})
		token := start(t, m)
		rec, _, err := p.Store.Fetch(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		damaged := rec.Data[:len(rec.Data)-2]
		if _, err := p.Store.Update(t.Context(), token, session.Record{Data: damaged, Expiry: rec.Expiry}); err != nil {
			t.Fatal(err)
		}
		ctx := m.Context(t.Context(), token)
		if m.Exists(ctx, "k") || m.Token(ctx) != "" {
			t.Errorf("%s: a damaged session is loaded", name)
		}
		m.Put(ctx, "k", "new")
		if fresh, _, err := m.Commit(ctx); err != nil || fresh == token {
			t.Errorf("%s: the token of a damaged session is used again: %v", name, err)
		}
		if !strings.Contains(log.String(), "cannot be read") || strings.Contains(log.String(), token) {
			t.Errorf("%s: the log says %s", name, log)
		}
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{MaxBytes: 1000})
	ctx := m.Context(t.Context(), "")
	m.Put(ctx, "small", "x")
	m.Put(ctx, "cart", strings.Repeat("c", 900))
	m.Put(ctx, "notes", strings.Repeat("n", 200))
	_, _, err := m.Commit(ctx)
	var size *session.SizeError
	if !errors.As(err, &size) || !errors.Is(err, session.ErrTooLarge) {
		t.Fatalf("Commit: %v", err)
	}
	if size.Limit != 1000 || size.Size < 1100 || len(size.Keys) != 3 || size.Keys[0].Key != "cart" || size.Keys[0].Size < 900 || size.Keys[1].Key != "notes" {
		t.Errorf("%+v", size)
	}
	if text := err.Error(); !strings.Contains(text, `"cart" 9`) || strings.Contains(text, "ccc") {
		t.Errorf("the text is %s", text)
	}
	if p.writes.Load() != 0 {
		t.Error("it was stored all the same")
	}
}

// FuzzCBORDecode: whatever the store holds, decoding returns, and what it
// returns can be encoded again.
func FuzzCBORDecode(f *testing.F) {
	c := newCBOR(f, session.CBORConfig{Types: []any{Cart{}, &Cart{}}})
	for _, values := range []map[string]any{
		{}, {"a": 1, "b": "x", "c": []byte("y"), "d": 1.5}, {"t": time.Now(), "d": time.Second, "u": uint64(1), "f": float32(2)},
		{"l": []any{1, map[string]any{"x": []string{"y"}}}, "m": map[string]string{"a": "b"}, "i": []int{1}}, {"c": Cart{Items: []string{"x"}}, "p": &Cart{}},
	} {
		data, err := c.Encode(time.Now(), values)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		deadline, values, err := c.Decode(data)
		if err != nil {
			return
		}
		if _, err := c.Encode(deadline, values); err != nil {
			t.Errorf("what was decoded cannot be encoded: %v", err)
		}
	})
}
