package session

import (
	"testing"
)

// FuzzUnstable: what stands for a value is read as that value, and nothing else is.
func FuzzUnstable(f *testing.F) {
	for _, value := range []any{"", "de", "\x00", true, 7, int32(-7), int64(1 << 40), 0.5} {
		text, _ := stable(value)
		f.Add(text)
	}
	f.Add("\x00int 07")
	f.Add("\x00bool T")
	f.Add("\x00float64 NaN")
	f.Fuzz(func(t *testing.T, text string) {
		value, ok := unstable(text)
		if !ok {
			return
		}
		if again, same := stable(value); !same || again != text {
			t.Errorf("%q is read as %#v, which is written %q", text, value, again)
		}
	})
}

func TestUnstable(t *testing.T) {
	t.Parallel()
	for _, value := range []any{"", "de", true, false, 7, int32(-7), int64(1 << 40), 0.5} {
		text, _ := stable(value)
		if got, ok := unstable(text); !ok || got != value {
			t.Errorf("%#v is written %q and read as %#v, %v", value, text, got, ok)
		}
	}
}
