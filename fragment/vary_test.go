package fragment_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

type keyed struct{ id int }

func (k *keyed) CacheKey() string { return fmt.Sprint("keyed/", k.id) }

func encode(t *testing.T, vary ...any) string {
	t.Helper()
	b, err := fragment.EncodeVary(vary...)
	must(t, err)
	return string(b)
}

func TestDifferentValuesHaveDifferentKeys(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	seen := map[string]string{}
	for _, args := range [][]any{
		{}, {""}, {"a"}, {"a", "b"}, {"ab"}, {"a:b"}, {"a", nil}, {nil}, {nil, nil}, {1}, {"1"}, {true}, {false}, {1.5}, {1.0},
		{[]int{1, 2}}, {[]int{1}, 2}, {1, 2}, {[]string{"a"}, "b"}, {[]string{"a", "b"}}, {[]string{}}, {[][]string{{}}},
		{uint64(math.MaxUint64)}, {-1}, {math.NaN()}, {now}, {now.Add(1)}, {now.Unix()}, {&keyed{1}}, {&keyed{2}}, {"keyed/1"},
		{netip.MustParseAddr("127.0.0.1")}, {"127.0.0.1"}, {[]byte("a")}, {[]any{"a", 1}},
	} {
		key := encode(t, args...)
		if other, taken := seen[key]; taken {
			t.Errorf("%v reads the same as %s", args, other)
		}
		seen[key] = fmt.Sprint(args)
	}
}

func TestEqualValuesHaveEqualKeys(t *testing.T) {
	t.Parallel()
	type name string
	type id int64
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for what, pair := range map[string][2]any{
		"sizes of integers":  {1, int64(1)},
		"unsigned":           {uint8(1), 1},
		"named string":       {name("a"), "a"},
		"template.HTML":      {template.HTML("a"), "a"},
		"named integer":      {id(7), 7},
		"zones of a time":    {now, now.In(time.FixedZone("x", 3600))},
		"pointer to a time":  {&now, now},
		"slice and array":    {[]int{1, 2}, [2]int{1, 2}},
		"nil slice":          {[]int(nil), []int{}},
		"nil keyed pointer":  {(*keyed)(nil), nil},
		"any in a slice":     {[]any{"a", 1}, []any{name("a"), id(1)}},
		"float32 and 64":     {float32(0.5), 0.5},
		"time far in future": {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if encode(t, pair[0]) != encode(t, pair[1]) {
			t.Errorf("%s: %#v and %#v differ", what, pair[0], pair[1])
		}
	}
}

func TestValuesWithoutIdentityAreErrors(t *testing.T) {
	t.Parallel()
	x := "a"
	loop := []any{nil}
	loop[0] = loop
	for name, bad := range map[string]any{
		"struct": struct{ A int }{1}, "pointer to a struct": &struct{ A int }{1}, "pointer to a string": &x, "nil pointer": (*int)(nil),
		"map": map[string]int{}, "function": func() {}, "channel": make(chan int), "complex": 1i,
		"slice of structs": []struct{}{{}}, "value whose pointer has the method": keyed{1}, "slice that contains itself": loop,
	} {
		if _, err := fragment.EncodeVary(bad); !errors.Is(err, fragment.ErrNoIdentity) {
			t.Errorf("%s: got %v, want ErrNoIdentity", name, err)
		}
	}
}

type broken struct{}

func (broken) MarshalText() ([]byte, error) { return nil, errors.New("no text") }

func TestErrorOfMarshalTextIsReported(t *testing.T) {
	t.Parallel()
	if _, err := fragment.EncodeVary(broken{}); err == nil || !strings.Contains(err.Error(), "no text") {
		t.Fatalf("got %v", err)
	}
}

// FuzzVary: what reads the same is the same.
func FuzzVary(f *testing.F) {
	f.Add([]byte("s\x01a"), []byte("s\x01b"))
	f.Add([]byte{0, 1, 'a', 1, 0, 0, 0, 0, 0, 0, 0, 1}, []byte{2, 0, 1, 'a', 3})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, y := arguments(a), arguments(b)
		if same := fmt.Sprintf("%#v", x) == fmt.Sprintf("%#v", y); same != (encode(t, x...) == encode(t, y...)) {
			t.Fatalf("%#v and %#v: same %v", x, y, same)
		}
	})
}

// arguments makes vary arguments of fuzzed bytes.
func arguments(b []byte) (args []any) {
	for len(b) > 0 && len(args) < 20 {
		kind := b[0] % 4
		b = b[1:]
		switch kind {
		case 0:
			n := 0
			if len(b) > 0 {
				n = min(int(b[0]), len(b)-1)
				b = b[1:]
			}
			args, b = append(args, string(b[:n])), b[n:]
		case 1:
			var full [8]byte
			n := copy(full[:], b)
			args, b = append(args, int(binary.LittleEndian.Uint64(full[:]))), b[n:]
		case 2:
			n := len(b) / 2
			args, b = append(args, arguments(b[:n])), b[n:]
		case 3:
			args = append(args, nil)
		}
	}
	return args
}

func TestParseTTL(t *testing.T) {
	t.Parallel()
	type seconds int
	for name, c := range map[string]struct {
		in   any
		want time.Duration
	}{
		"string": {"1h30m", 90 * time.Minute}, "seconds": {300, 300 * time.Second}, "named int": {seconds(2), 2 * time.Second},
		"uint8": {uint8(7), 7 * time.Second}, "float": {0.25, 250 * time.Millisecond}, "duration": {time.Minute, time.Minute},
		"forever": {"forever", cache.Forever}, "named string": {template.HTML("5s"), 5 * time.Second}, "zero": {0, 0},
		"cache.Forever": {cache.Forever, cache.Forever}, "more than a duration holds": {math.MaxInt64, cache.Forever},
		"uint64": {uint64(math.MaxUint64), cache.Forever}, "infinite": {math.Inf(1), cache.Forever}, "months": {"8760h", 8760 * time.Hour},
	} {
		if got, err := fragment.ParseTTL(c.in); err != nil || got != c.want {
			t.Errorf("%s: %v: got %v, %v, want %v", name, c.in, got, err, c.want)
		}
	}
	for name, bad := range map[string]any{
		"nil": nil, "no unit": "5", "negative": "-1s", "negative seconds": -1, "negative duration": -time.Second, "minus infinite": math.Inf(-1),
		"not a number": math.NaN(), "bool": true, "slice": []string{"1s"}, "empty": "", "pointer": new(int), "too long": "9999999999h",
	} {
		if got, err := fragment.ParseTTL(bad); !errors.Is(err, fragment.ErrBadTTL) {
			t.Errorf("%s: %v: got %v, %v, want ErrBadTTL", name, bad, got, err)
		}
	}
}

func FuzzTTL(f *testing.F) {
	for _, s := range []string{"500s", "forever", "", "-1h", "1e9h", "1h1m", "9223372036854775807ns"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := fragment.ParseTTL(s); (err == nil && d < 0) || (err != nil && d != 0) {
			t.Fatalf("%q: %v, %v", s, d, err)
		}
	})
}

func TestTagOfAFragment(t *testing.T) {
	t.Parallel()
	one, err := fragment.TagOf("sidebar", "ann", 7)
	must(t, err)
	same, err := fragment.TagOf("sidebar", fragment.Using("hot"), "ann", int64(7))
	must(t, err)
	equal(t, "the same fragment", one, same)
	for _, vary := range [][]any{{"bob", 7}, {"ann"}, {"ann", "7"}, {}} {
		if other, err := fragment.TagOf("sidebar", vary...); err != nil || other == one {
			t.Errorf("%v: got %v, %v", vary, other, err)
		}
	}
	if _, err = fragment.TagOf("sidebar", struct{}{}); !errors.Is(err, fragment.ErrNoIdentity) {
		t.Errorf("got %v, want ErrNoIdentity", err)
	}
	if !strings.Contains(one, "sidebar") || bytes.ContainsAny([]byte(one), "\x00\n ") {
		t.Errorf("tag %q cannot be read", one)
	}
}
