package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/echoic-go/echoic/internal/sqlconn"
)

// table is a checked name, and what belongs to the table.
type table struct{ sqlconn.Table }

func parseTable(text string) (table, error) {
	t, err := sqlconn.ParseTable("journal", text)
	return table{t}, err
}

func (t table) state() string { return t.InSchema(t.Beside("_state")) }
func (t table) order() string { return t.Beside("_order") }

// channel is where Postgres notifies of new rows. The payload is the domain.
func (t table) channel() string {
	sum := sha256.Sum256([]byte(t.String()))
	return "echoic_journal_" + hex.EncodeToString(sum[:8])
}

// fill replaces what stands in braces.
func (t table) fill(script string) string {
	return strings.NewReplacer("{table}", t.String(), "{name}", sqlconn.Quote(t.Name), "{state}", t.state(),
		"{order}", sqlconn.Quote(t.order()), "{order in schema}", t.InSchema(t.order())).Replace(script)
}
