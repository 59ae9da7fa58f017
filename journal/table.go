package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// longestName is what Postgres keeps of a name. It cuts longer ones silently.
const longestName = 63

var tableName = regexp.MustCompile(`^(?:([A-Za-z_][A-Za-z0-9_]{0,62})\.)?([A-Za-z_][A-Za-z0-9_]{0,62})$`)

// table is a checked name.
type table struct {
	schema string // empty: where the database looks first
	name   string
}

func parseTable(text string) (table, error) {
	m := tableName.FindStringSubmatch(text)
	if m == nil {
		return table{}, fmt.Errorf("journal: Config.Table is %.80q: give a name of letters, digits and underscores that starts with no digit and has at most %d, if need be with a schema and a dot in front", text, longestName)
	}
	return table{schema: m[1], name: m[2]}, nil
}

// String returns the table as SQL writes it.
func (t table) String() string { return t.inSchema(t.name) }

// inSchema returns what is called name and stands beside the table.
func (t table) inSchema(name string) string {
	if t.schema == "" {
		return quote(name)
	}
	return quote(t.schema) + "." + quote(name)
}

// beside is the name of something that belongs to the table. It is never cut,
// which would let two of them, of this table or of two tables, have one name.
func (t table) beside(suffix string) string {
	if len(t.name)+len(suffix) <= longestName {
		return t.name + suffix
	}
	sum := sha256.Sum256([]byte(t.name))
	tail := "_" + hex.EncodeToString(sum[:4]) + suffix
	return t.name[:longestName-len(tail)] + tail
}

func (t table) state() string { return t.inSchema(t.beside("_state")) }
func (t table) order() string { return t.beside("_order") }

// channel is where Postgres notifies of new rows. The payload is the domain.
func (t table) channel() string {
	sum := sha256.Sum256([]byte(t.String()))
	return "echoic_journal_" + hex.EncodeToString(sum[:8])
}

// quote needs no escapes: names hold no quotes.
func quote(name string) string { return `"` + name + `"` }

// fill replaces what stands in braces.
func (t table) fill(script string) string {
	return strings.NewReplacer("{table}", t.String(), "{name}", quote(t.name), "{state}", t.state(),
		"{order}", quote(t.order()), "{order in schema}", t.inSchema(t.order())).Replace(script)
}
