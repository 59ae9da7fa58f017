package chaos

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// purgeTx writes the purge of tags in the transaction of the edit.
func (s *site) purgeTx(ctx context.Context, tx pgx.Tx, tags ...string) error {
	return s.app.Journal.PurgeTx(ctx, tx, tags...)
}
