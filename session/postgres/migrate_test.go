package postgres_test

import (
	"testing"

	"github.com/alexedwards/scs/pgxstore"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session/postgres"
	"github.com/echoic-go/echoic/session/sessiontest"
)

// TestFromSCS: from pgxstore, in the same database and into another one.
func TestFromSCS(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	pool := openPool(t, url)
	if _, err := pool.Exec(t.Context(), oldTable); err != nil {
		t.Fatal(err)
	}
	stock := pgxstore.NewWithCleanupInterval(pool, 0)
	s, err := postgres.New(postgres.Config{Pool: pool, CleanUp: -1}) // whose table is not changed
	if err != nil {
		t.Fatal(err)
	}
	sessiontest.FromSCS(t, stock, s, openStore(t, testenv.Postgres(t).Database(t), postgres.Config{}))
	sessiontest.FromSCS(t, stock, openStore(t, url, postgres.Config{}), nil)
}
