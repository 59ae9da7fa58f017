package journal

import (
	"context"
	"database/sql"
	"time"

	"github.com/echoic-go/echoic/internal/sqlconn"
)

// sqlitePoll is how often SQLite is asked whether another connection has
// committed anything. It is a look at shared memory.
const sqlitePoll = 25 * time.Millisecond

// sqliteFeed follows the table on a connection of its own.
type sqliteFeed struct {
	engine  *sqlite
	conn    *sql.Conn
	ask     string
	version int64
	begun   bool
	last    Position
}

func (l *sqlite) follow(ctx context.Context) (feed, error) {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	ask := "PRAGMA data_version"
	if l.table.Schema != "" {
		ask = "PRAGMA " + sqlconn.Quote(l.table.Schema) + ".data_version"
	}
	return &sqliteFeed{engine: l, conn: conn, ask: ask}, nil
}

func (f *sqliteFeed) next(ctx context.Context, after Position, each func([]Row)) (horizon uint64, err error) {
	if !f.begun {
		f.begun, f.last = true, after
	}
	if f.version, err = f.now(ctx); err != nil { // before the rows
		return 0, err
	}
	for {
		p, err := f.engine.readFrom(ctx, f.conn, f.last, 0, pieceSize)
		if err != nil {
			return 0, err
		}
		if len(p.rows) > 0 {
			f.last.ID = p.rows[len(p.rows)-1].ID
			each(p.rows)
		}
		if len(p.rows) < pieceSize {
			return newest, nil
		}
	}
}

// now is a number that changes when another connection commits.
func (f *sqliteFeed) now(ctx context.Context) (version int64, err error) {
	err = f.conn.QueryRowContext(ctx, f.ask).Scan(&version)
	return version, err
}

func (f *sqliteFeed) wait(ctx context.Context, d time.Duration) error {
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(min(sqlitePoll, d))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return nil
		case <-f.engine.wake:
			return nil
		case <-tick.C:
			version, err := f.now(ctx)
			if err != nil || version != f.version {
				return err
			}
		}
	}
}

func (f *sqliteFeed) close() { _ = f.conn.Close() } // only gives it back
