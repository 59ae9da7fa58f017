package database_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/cachetest"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		open(t, database.Config{URL: url}) // creates the table
		cachetest.Run(t, func(t *testing.T) cache.Store {
			store, err := database.Open(t.Context(), database.Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			return store
		}, cachetest.Caps{Shared: true, Renewer: true})
	})
}

// Behind a connection pooler there are no prepared statements.
func TestConformanceSimpleProtocol(t *testing.T) {
	t.Parallel()
	pool := newPool(t, testenv.Postgres(t).Database(t), func(c *pgxpool.Config) {
		c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	})
	cachetest.RunStore(t, func(t *testing.T) cache.Store {
		store, err := database.NewPostgres(t.Context(), pool, database.Config{Table: "public.Simple", AutoCreate: true, Unlogged: true})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}, cachetest.Caps{Shared: true, Renewer: true})
}
