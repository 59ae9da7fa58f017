package database

import (
	"context"

	"github.com/echoic-go/echoic/cache"
)

// engine is the way to a database. Statements are written for both; the rest of
// what differs is here.
type engine interface {
	// read runs a statement that changes nothing and calls each for every row.
	read(ctx context.Context, statement string, each func(row) error, args ...any) error
	// write runs a statement that changes rows, calls each, if it is not nil,
	// for every row that it returns, and reports how many it changed.
	write(ctx context.Context, statement string, each func(row) error, args ...any) (changed int, err error)
	// list makes an argument of keys, for words.among.
	list(keys []string) any
	// setMany stores items, whose keys differ, all or none.
	setMany(ctx context.Context, items []cache.Item) error
	// renew is setMany for tokens: those stay that are greater.
	renew(ctx context.Context, items []cache.Item) error
	// cull removes the first rows to go, at most batch, of those that are more
	// than most.
	cull(ctx context.Context, most, batch int) (removed int, err error)
	// create makes what is missing of the table and its indexes.
	create(ctx context.Context) error
	// schema is the SQL that does it.
	schema() string
	// noTable reports whether err says that the table is missing.
	noTable(err error) bool
	close() error
}

// row is a row of a result.
type row interface {
	Scan(columns ...any) error
}
