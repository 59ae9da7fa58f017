package journal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/journal"
)

func TestPositionOrder(t *testing.T) {
	t.Parallel()
	ordered := []journal.Position{{}, {ID: 1}, {ID: 2}, {Transaction: 1}, {Transaction: 1, ID: 7}, {Transaction: 2, ID: 3}}
	if !slices.IsSortedFunc(ordered, journal.Position.Compare) {
		t.Error("positions are not in the order of transaction and row")
	}
	if !(journal.Position{}).IsZero() || ordered[1].IsZero() {
		t.Error("IsZero")
	}
}

func TestParsePositionRefuses(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("0", 32)
	for _, text := range []string{
		"", ".", "..", zeros, zeros + ".1", zeros + ".1.2.3", zeros + ".01.2", zeros + ".1.-2", zeros + ".+1.2", zeros[1:] + ".1.2",
		strings.Repeat("A", 32) + ".1.2", zeros + ".18446744073709551616.1",
	} {
		if p, err := journal.ParsePosition(text); err == nil {
			t.Errorf("ParsePosition(%q) = %v", text, p)
		}
	}
}

func FuzzParsePosition(f *testing.F) {
	f.Add(strings.Repeat("0", 32) + ".1.2")
	f.Add("8a6e0804cf0d4eb0a9f2b0d8f2f3a5c1.18446744073709551615.9223372036854775807")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := journal.ParsePosition(text); err == nil && p.String() != text {
			t.Errorf("%q is read as %v", text, p)
		}
	})
}

func FuzzDecodeMark(f *testing.F) {
	f.Add("1 " + strings.Repeat("0", 32) + ".1.2 run -")
	f.Add("1 8a6e0804cf0d4eb0a9f2b0d8f2f3a5c1.9.9 - claim")
	f.Fuzz(func(t *testing.T, text string) {
		if again, ok := journal.RoundTripMark([]byte(text)); ok && string(again) != text {
			t.Errorf("%q is read as %q", text, again)
		}
	})
}
