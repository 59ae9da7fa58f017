package journal

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Identity is a journal's own random number. A journal that was made anew, or
// has lost rows, has another one.
type Identity [16]byte

// String returns 32 hex digits.
func (i Identity) String() string { return hex.EncodeToString(i[:]) }

// Position is a point in the order of a journal: every row that comes before it
// is visible, and none will appear there any more. Positions are comparable
// with == and, if they are of one journal, with Compare. The zero Position is
// before everything, of no journal.
type Position struct {
	Journal Identity
	// Transaction and ID are those of the last row before the point, zero if
	// there is none.
	Transaction uint64
	ID          int64
}

// IsZero reports whether p is of no journal.
func (p Position) IsZero() bool { return p == Position{} }

// Compare returns -1, 0 or 1 if p comes before q, is q, or comes after it. The
// journals are not looked at.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Transaction, q.Transaction), cmp.Compare(p.ID, q.ID))
}

// String returns what ParsePosition reads: identity, transaction and row, for
// example "8a6e0804cf0d4eb0a9f2b0d8f2f3a5c1.741.12".
func (p Position) String() string {
	return p.Journal.String() + "." + strconv.FormatUint(p.Transaction, 10) + "." + strconv.FormatInt(p.ID, 10)
}

var errPosition = errors.New("give what Position.String returned")

// ParsePosition reads what String returned, and nothing else.
func ParsePosition(text string) (Position, error) {
	var p Position
	journal, rest, _ := strings.Cut(text, ".")
	transaction, id, _ := strings.Cut(rest, ".")
	raw, err := hex.DecodeString(journal)
	if err != nil || len(raw) != len(p.Journal) {
		return Position{}, badPosition(text)
	}
	copy(p.Journal[:], raw)
	if p.Transaction, err = strconv.ParseUint(transaction, 10, 64); err != nil {
		return Position{}, badPosition(text)
	}
	if p.ID, err = strconv.ParseInt(id, 10, 64); err != nil || p.ID < 0 {
		return Position{}, badPosition(text)
	}
	if p.String() != text { // one spelling a position
		return Position{}, badPosition(text)
	}
	return p, nil
}

func badPosition(text string) error {
	return fmt.Errorf("journal: %.80q is no position: %w", text, errPosition)
}

// at is the position just behind a row.
func (i Identity) at(r Row) Position {
	return Position{Journal: i, Transaction: r.Transaction, ID: r.ID}
}
