package journal

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/echoic-go/echoic/internal/sqlconn"
)

const (
	// pieceSize is how many rows are delivered at once.
	pieceSize = 512
	// silence is how long a read may go without a row before the connection is
	// given up: a host that is gone sends nothing, not even an end.
	silence = 2 * time.Second
)

// postgresFeed follows the table on a connection of its own.
//
// A row becomes visible when its transaction commits, and a snapshot tells
// exactly which transactions it shows: all before xmax but those under way. So
// what has become visible between two snapshots are the rows of transactions
// from the first one's xmax on and of those that it lists as under way. That is
// found by the index, shows each row once, and does not depend on what else the
// database is busy with.
//
// It holds only as long as the connection does: numbers of transactions that
// left no trace on the disk are given again after a crash of the server.
type postgresFeed struct {
	engine *postgres
	conn   *pgx.Conn
	first  string
	later  string
	woken  bool

	begun bool
	xmax  uint64   // of the last snapshot
	open  []uint64 // what was under way in it
}

const (
	snapshotColumns = `SELECT pg_snapshot_xmin(s), pg_snapshot_xmax(s), ARRAY(SELECT pg_snapshot_xip(s)), ` +
		`r.xid, r.id, r.kind, r.name, r.outbox, r.origin, r.created_at
		FROM pg_current_snapshot() AS s LEFT JOIN LATERAL `

	firstSQL = snapshotColumns + `(SELECT * FROM {table} WHERE domain = $1 AND (xid, id) > ($2::xid8, $3::bigint)) AS r ON true ORDER BY r.xid, r.id`
	laterSQL = snapshotColumns + `(SELECT * FROM {table} WHERE domain = $1 AND xid >= $2::xid8
		UNION ALL SELECT * FROM {table} WHERE domain = $1 AND xid = ANY ($3::xid8[])) AS r ON true ORDER BY r.xid, r.id`
)

func (p *postgres) follow(ctx context.Context) (feed, error) {
	f := &postgresFeed{engine: p, first: p.table.fill(firstSQL), later: p.table.fill(laterSQL)}
	pool := p.pool.Config() // a copy
	config := pool.ConnConfig
	if pool.BeforeConnect != nil {
		if err := pool.BeforeConnect(ctx, config); err != nil {
			return nil, err
		}
	}
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) {
		f.woken = f.woken || n.Payload == p.domain
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	f.conn = conn
	if _, err := conn.Exec(ctx, "LISTEN "+sqlconn.Quote(p.table.channel())); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *postgresFeed) next(ctx context.Context, after Position, each func([]Row)) (horizon uint64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(silence, func() { cancel(errSilence) })
	defer watch.Stop()
	f.woken = false // what notifies from here on may be too late for the snapshot
	rows, err := f.query(ctx, after)
	if err != nil {
		return 0, f.cause(ctx, err)
	}
	defer rows.Close()
	var (
		piece []Row
		xmax  uint64
		open  []uint64
	)
	for rows.Next() {
		row, there, err := f.scan(rows, &horizon, &xmax, &open)
		if err != nil {
			return 0, err
		}
		if there {
			piece = append(piece, row)
		}
		if len(piece) == pieceSize {
			watch.Stop()
			each(piece)
			piece = nil
			watch.Reset(silence)
		}
	}
	if rows.Err() != nil {
		return 0, f.cause(ctx, rows.Err())
	}
	watch.Stop()
	if len(piece) > 0 {
		each(piece)
	}
	f.begun, f.xmax, f.open = true, xmax, open
	return horizon, nil
}

var errSilence = errors.New("the server does not answer")

func (f *postgresFeed) cause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSilence) {
		return cause
	}
	return err
}

func (f *postgresFeed) query(ctx context.Context, after Position) (pgx.Rows, error) {
	if !f.begun {
		return f.conn.Query(ctx, f.first, f.engine.domain, after.Transaction, after.ID)
	}
	return f.conn.Query(ctx, f.later, f.engine.domain, f.xmax, f.open)
}

// scan reads the snapshot and the row beside it, if there is one.
func (f *postgresFeed) scan(rows pgx.Rows, horizon, xmax *uint64, open *[]uint64) (row Row, there bool, err error) {
	if rows.RawValues()[3] == nil { // no row has become visible
		return Row{}, false, rows.Scan(horizon, xmax, open, nil, nil, nil, nil, nil, nil, nil)
	}
	row, err = f.engine.scan(rows, horizon, xmax, open)
	return row, true, err
}

func (f *postgresFeed) wait(ctx context.Context, d time.Duration) error {
	within, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for !f.woken {
		if err := f.conn.PgConn().WaitForNotification(within); err != nil {
			if within.Err() != nil && ctx.Err() == nil && !f.conn.IsClosed() {
				return nil
			}
			return err
		}
	}
	return nil
}

func (f *postgresFeed) close() {
	// A server that does not answer is not waited for.
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_ = f.conn.Close(ctx) // nothing depends on it
}
