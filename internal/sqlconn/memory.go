package sqlconn

import (
	"context"
	"database/sql/driver"

	"modernc.org/sqlite"
)

// memory connects to a database in memory and holds one connection itself: with
// the last one the database would be gone, and database/sql closes idle and
// interrupted ones as it likes.
type memory struct {
	driver.Connector
	anchor driver.Conn
}

func newMemory(ctx context.Context, name string) (*memory, error) {
	connector, err := sqlite.NewConnector(name)
	if err != nil {
		return nil, err
	}
	anchor, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &memory{Connector: connector, anchor: anchor}, nil
}

// Close is called by sql.DB.Close.
func (m *memory) Close() error { return m.anchor.Close() }
