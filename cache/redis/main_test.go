package redis_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.Parallel(4)
	goleak.VerifyTestMain(testenv.Wrap(m),
		// rueidis closes the connection to a cluster node that has gone five
		// seconds later, in a goroutine that does not look at Close.
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"))
}
