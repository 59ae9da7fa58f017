package memory_test

import (
	"strings"
	"testing"

	"github.com/echoic-go/echoic/cache/memory"
)

func TestConfigRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		cfg  memory.Config
		want []string // parts of the error
	}{
		{"negative entries", memory.Config{MaxEntries: -1}, []string{"Config.MaxEntries", "-1", "positive"}},
		{"negative bytes", memory.Config{MaxBytes: -5}, []string{"Config.MaxBytes", "-5", "4096"}},
		{"bytes for less than an entry", memory.Config{MaxBytes: 4095}, []string{"Config.MaxBytes", "4095", "4096"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, err := memory.New(test.cfg)
			if err == nil {
				_ = s.Close()
				t.Fatal("accepted")
			}
			for _, part := range append(test.want, "memory: ") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}
