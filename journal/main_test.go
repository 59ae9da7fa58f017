package journal_test

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.Parallel(4)
	// What the machine's user has set for psql must not change results.
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "PG") {
			os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(testenv.Wrap(m),
		// rueidis closes the connections to nodes that have left the cluster
		// five seconds later, and looks at the topology up to a second after it
		// was asked to, whether it was closed meanwhile or not.
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient).redirectOrNew.func1"))
}
