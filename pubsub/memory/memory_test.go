package memory_test

import (
	"testing"

	"github.com/echoic-go/echoic/pubsub"
	"github.com/echoic-go/echoic/pubsub/memory"
	"github.com/echoic-go/echoic/pubsub/pubsubtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	pubsubtest.Run(t, func(*testing.T) pubsubtest.Env {
		driver := new(memory.Driver)
		return pubsubtest.Env{Open: func() pubsub.Driver { return driver }}
	})
}
