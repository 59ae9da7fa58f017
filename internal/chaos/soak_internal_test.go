package chaos

import (
	"math"
	"testing"
	"time"
)

func TestSlope(t *testing.T) {
	t.Parallel()
	var line, noisy []sample
	for n := range 100 {
		at := time.Duration(n) * time.Second
		line = append(line, sample{at, 5000 + 7*float64(n)})
		noisy = append(noisy, sample{at, 5000 + 1000*float64(n%2)})
	}
	if got := slopeOf(line); math.Abs(got-7) > 1e-9 {
		t.Errorf("a line of slope 7 has %v", got)
	}
	if got := slopeOf(noisy); math.Abs(got) > 1 {
		t.Errorf("what only swings has slope %v", got)
	}
	if got := slopeOf(line[:1]); got != 0 {
		t.Errorf("one sample has slope %v", got)
	}
}

func TestSoakFaultsParse(t *testing.T) {
	t.Parallel()
	for _, text := range soakFaults() {
		if _, err := ParseFaults(text); err != nil {
			t.Error(err)
		}
	}
}
