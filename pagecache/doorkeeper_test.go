package pagecache

import (
	"strconv"
	"testing"
	"time"
)

// SAFETY, rule 11: two million random URLs find the table as large as it was,
// and do not get in.
func TestDoorkeeperIsBounded(t *testing.T) {
	t.Parallel()
	start := time.Now()
	d := newDoorkeeper(start)
	admitted, urls := 0, 2_000_000
	if raceDetector {
		urls /= 10
	}
	var room [64]byte
	for i := range urls {
		key := strconv.AppendInt(append(room[:0], "http://a.test/?q="...), int64(i), 10)
		if d.again(string(key), start.Add(time.Duration(i)*time.Microsecond), time.Minute) {
			admitted++
		}
	}
	if len(d.slots) != doorSlots {
		t.Fatalf("%d slots", len(d.slots))
	}
	if admitted > 2 { // two marks of 40 bits can be the same
		t.Fatalf("%d of %d URLs got in at their first request", admitted, urls)
	}
}

func TestDoorkeeperSecondRequest(t *testing.T) {
	t.Parallel()
	start := time.Now()
	tests := []struct {
		name   string
		first  time.Duration
		second time.Duration
		within time.Duration
		want   bool
	}{
		{"at once", 0, 0, time.Minute, true},
		{"within", 0, 59 * time.Second, time.Minute, true},
		{"too late", 0, 62 * time.Second, time.Minute, false},
		{"short life", 10 * time.Second, 15 * time.Second, time.Second, false},
		{"after the numbers began again", doorSeconds*time.Second - 5*time.Second, doorSeconds*time.Second + 5*time.Second, time.Minute, true},
		{"the clock went back", time.Hour, 0, time.Minute, false},
	}
	for _, tt := range tests {
		d := newDoorkeeper(start)
		if d.again("k", start.Add(tt.first), tt.within) {
			t.Errorf("%s: in at the first request", tt.name)
		}
		if got := d.again("k", start.Add(tt.second), tt.within); got != tt.want {
			t.Errorf("%s: second request: %v", tt.name, got)
		}
		if d.again("other", start.Add(tt.second), tt.within) {
			t.Errorf("%s: another key is in", tt.name)
		}
	}
}

// What comes back while others pour in is recognised: 50 URLs that are asked
// for every thousand requests.
func TestDoorkeeperUnderFlood(t *testing.T) {
	t.Parallel()
	start := time.Now()
	d := newDoorkeeper(start)
	for round := range 20 {
		for i := range 1000 {
			d.again("junk"+strconv.Itoa(round*1000+i), start, time.Minute)
		}
		for i := range 50 {
			if got := d.again("hot"+strconv.Itoa(i), start, time.Minute); got != (round > 0) {
				t.Fatalf("round %d: URL %d: %v", round, i, got)
			}
		}
	}
}

func BenchmarkDoorkeeper(b *testing.B) {
	start := time.Now()
	d := newDoorkeeper(start)
	keys := make([]string, 1<<12)
	for i := range keys {
		keys[i] = "http://a.test/path?q=" + strconv.Itoa(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.again(keys[i&(1<<12-1)], start, time.Minute)
	}
}
