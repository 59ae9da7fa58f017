package chaos_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/chaos"
)

func TestCheckIntervals(t *testing.T) {
	t.Parallel()
	// Value 1 from server 0, replaced by 2 from server 1, and at the same time
	// as that by 3 from server 0.
	writes := []chaos.Write{
		{Server: 0, Value: 1, Start: 10, End: 20},
		{Server: 1, Value: 2, Start: 30, End: 40},
		{Server: 0, Value: 3, Start: 35, End: 50},
		{Server: 1, Value: 4, Start: 60, End: 70, Unknown: true},
	}
	tests := []struct {
		name    string
		read    chaos.Read
		bound   time.Duration
		good    bool
		stalest time.Duration
	}{
		{"current", chaos.Read{Server: 0, Value: 1, Start: 21, End: 22}, 0, true, 0},
		{"while it is replaced", chaos.Read{Server: 1, Value: 1, Start: 39, End: 41}, 0, true, 0},
		{"after another server has replaced it", chaos.Read{Server: 0, Value: 1, Start: 45, End: 46}, 0, false, 5},
		{"the same within the bound", chaos.Read{Server: 0, Value: 1, Start: 45, End: 46}, 5, true, 5},
		{"no bound on the server that replaced it", chaos.Read{Server: 1, Value: 1, Start: 45, End: 46}, 100, false, 5},
		{"one of two at the same time", chaos.Read{Server: 2, Value: 2, Start: 80, End: 81}, 0, true, 0},
		{"the other", chaos.Read{Server: 2, Value: 3, Start: 80, End: 81}, 0, true, 0},
		{"perhaps written", chaos.Read{Server: 2, Value: 4, Start: 80, End: 81}, 0, true, 0},
		{"not yet written", chaos.Read{Server: 2, Value: 2, Start: 25, End: 26}, 0, false, 0},
		{"never written", chaos.Read{Server: 2, Value: 9, Start: 80, End: 81}, 0, false, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stalest, wrong := chaos.CheckIntervals(3, writes, []chaos.Read{test.read}, chaos.Bounds{Others: test.bound})
			if (len(wrong) == 0) != test.good || stalest != test.stalest {
				t.Errorf("stalest %v, wrong %v; want %v, good: %v", stalest, wrong, test.stalest, test.good)
			}
		})
	}
}
