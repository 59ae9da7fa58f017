package testenv_test

import (
	"flag"
	"testing"

	"github.com/echoic-go/echoic/internal/testenv"
)

func TestParallel(t *testing.T) {
	parallel := flag.Lookup("test.parallel")
	given := parallel.Value.String()
	defer func() {
		if err := parallel.Value.Set(given); err != nil {
			t.Error(err)
		}
	}()
	for _, test := range []struct {
		given, want string
		n           int
	}{
		{parallel.DefValue, "1000", 1000},
		{parallel.DefValue, parallel.DefValue, 1},
		{"999", "999", 1000}, // -parallel 999
	} {
		if err := parallel.Value.Set(test.given); err != nil {
			t.Fatal(err)
		}
		if testenv.Parallel(test.n); parallel.Value.String() != test.want {
			t.Errorf("Parallel(%d) of %s: %s, want %s", test.n, test.given, parallel.Value, test.want)
		}
	}
}
