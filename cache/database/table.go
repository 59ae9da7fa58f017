package database

import (
	"strings"

	"github.com/echoic-go/echoic/internal/sqlconn"
)

// table is a checked name, and what belongs to the table.
type table struct{ sqlconn.Table }

func parseTable(text string) (table, error) {
	t, err := sqlconn.ParseTable("database", text)
	return table{t}, err
}

func (t table) expiryIndex() string { return t.Beside("_expires_at") }
func (t table) cullIndex() string   { return t.Beside("_written_at") }

// fill replaces what stands in braces.
func (t table) fill(script string) string {
	return strings.NewReplacer("{table}", t.String(), "{name}", sqlconn.Quote(t.Name),
		"{expiry}", sqlconn.Quote(t.expiryIndex()), "{cull}", sqlconn.Quote(t.cullIndex()),
		"{expiry in schema}", t.InSchema(t.expiryIndex()), "{cull in schema}", t.InSchema(t.cullIndex())).Replace(script)
}
