package redis_test

import (
	"testing"

	"github.com/alexedwards/scs/redisstore"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session/sessiontest"
)

// TestFromSCS: from redisstore, under the same prefix and another one.
func TestFromSCS(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	stock := redisstore.NewWithPrefix(openPool(t, server.URL), server.Prefix+"old:")
	old := openStore(t, server.URL, server.Prefix+"old:")
	sessiontest.FromSCS(t, stock, old, openStore(t, server.URL, server.Prefix+"new:"))
	sessiontest.FromSCS(t, stock, old, nil)
}
