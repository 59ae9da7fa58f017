package null_test

import (
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/cachetest"
	"github.com/echoic-go/echoic/cache/null"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	cachetest.Run(t, func(*testing.T) cache.Store { return null.New() }, cachetest.Caps{Null: true})
}
