package journal_test

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/internal/testenv"
)

func TestMain(m *testing.M) {
	// What the machine's user has set for psql must not change results.
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "PG") {
			os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(testenv.Wrap(m))
}
