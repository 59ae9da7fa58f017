package chaos_test

import (
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/chaos"
)

func TestParseBody(t *testing.T) {
	t.Parallel()
	want := chaos.Body{Kind: "page", Key: "k1", Version: 7, User: "u1"}
	text := want.String()
	if got, err := chaos.ParseBody(text); err != nil || got != want {
		t.Errorf("parsed %+v, %v; want %+v", got, err, want)
	}
	damaged := map[string]string{
		"cut":          text[:len(text)-1],
		"empty":        "",
		"flipped":      strings.Replace(text, "k1/7 ", "k1/8 ", 1),
		"other header": strings.Replace(text, "version=7", "version=8", 1),
		"other sum":    text[:len(text)-2] + "g\n",
	}
	for name, bad := range damaged {
		if got, err := chaos.ParseBody(bad); err == nil {
			t.Errorf("%s: parsed as %+v", name, got)
		}
	}
	if got, err := chaos.ParseBody(chaos.Body{Kind: "page"}.String()); err != nil || got != (chaos.Body{Kind: "page"}) {
		t.Errorf("empty fields: %+v, %v", got, err)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	h := chaos.NewHistory()
	begun := time.Now()
	h.Acknowledge("k", 2, "A1", time.Hour)
	h.Acknowledge("k", 3, "B1", 0)
	later := time.Now().Add(time.Millisecond)
	tests := []struct {
		name    string
		version int64
		app     string
		begun   time.Time
		good    bool
	}{
		{"begun before", 1, "A1", begun.Add(-time.Second), true},
		{"current", 3, "A1", later, true},
		{"newer than acknowledged", 4, "A1", later, true},
		{"beyond the bound", 2, "C1", later, false},
		{"on the app itself", 2, "B1", later, false},
	}
	for _, test := range tests {
		if err := h.Check("k", test.version, test.app, test.begun); (err == nil) != test.good {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if h.Last("k") != 3 || h.Last("other") != 0 {
		t.Errorf("last %d, %d; want 3, 0", h.Last("k"), h.Last("other"))
	}
	h.Acknowledge("own", 2, "A1", time.Hour)
	later = time.Now().Add(time.Millisecond)
	if err := h.Check("own", 1, "A1", later); err == nil {
		t.Error("the app that acknowledged has no bound")
	}
	if err := h.Check("own", 1, "A2", later); err != nil {
		t.Errorf("another life within the bound: %v", err)
	}
}
