package sqlconn

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
)

// longestName is what Postgres keeps of a name. It cuts longer ones silently.
const longestName = 63

var tableName = regexp.MustCompile(`^(?:([A-Za-z_][A-Za-z0-9_]{0,62})\.)?([A-Za-z_][A-Za-z0-9_]{0,62})$`)

// Table is the checked name of a table.
type Table struct {
	Schema string // empty: where the database looks first
	Name   string
}

// ParseTable checks a name, with or without a schema before it. An error begins
// with pkg, whose Config it comes from.
func ParseTable(pkg, text string) (Table, error) {
	m := tableName.FindStringSubmatch(text)
	if m == nil {
		return Table{}, fmt.Errorf("%s: Config.Table is %.80q: give a name of letters, digits and underscores that starts with no digit and has at most %d, if need be with a schema and a dot in front", pkg, text, longestName)
	}
	return Table{Schema: m[1], Name: m[2]}, nil
}

// String returns the table as SQL writes it.
func (t Table) String() string { return t.InSchema(t.Name) }

// InSchema returns what is called name and stands beside the table, as SQL writes
// it.
func (t Table) InSchema(name string) string {
	if t.Schema == "" {
		return Quote(name)
	}
	return Quote(t.Schema) + "." + Quote(name)
}

// Beside is the name of something that belongs to the table, such as an index. It
// is never cut, which would let two of them, of this table or of two tables, have
// one name.
func (t Table) Beside(suffix string) string {
	if len(t.Name)+len(suffix) <= longestName {
		return t.Name + suffix
	}
	sum := sha256.Sum256([]byte(t.Name))
	tail := "_" + hex.EncodeToString(sum[:4]) + suffix
	return t.Name[:longestName-len(tail)] + tail
}

// Quote writes a name that was checked, or made of one that was, as SQL does.
func Quote(name string) string { return `"` + name + `"` }
