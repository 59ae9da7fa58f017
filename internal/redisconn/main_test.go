package redisconn_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/internal/testenv"
)

func TestMain(m *testing.M) {
	// Most tests wait for servers to find out that others are gone.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(testenv.Wrap(m),
		// rueidis closes the connections to nodes that have left the cluster
		// five seconds later, and looks at the topology up to a second after it
		// was asked to, whether it was closed meanwhile or not.
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient).redirectOrNew.func1"),
	)
}
