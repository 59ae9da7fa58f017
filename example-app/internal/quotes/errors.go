package quotes

import "errors"

// Errors that callers branch on. They come wrapped: test with errors.Is.
var (
	// ErrNotFound is a quotation, author or topic that does not exist.
	ErrNotFound = errors.New("quotes: not found")
	// ErrConflict is an edit of a quotation that somebody else has changed
	// since it was read. Nothing was written.
	ErrConflict = errors.New("quotes: changed meanwhile")
	// ErrInvalid is a quotation that cannot be kept as it is. The error is a
	// *InvalidError.
	ErrInvalid = errors.New("quotes: invalid")
)

// InvalidError says what is wrong with the fields of a quotation.
type InvalidError struct {
	// Fields are sentences for the person who filled in the form, by the
	// field's name: text, author, work, locator, translator, year, topics.
	Fields map[string]string
}

func (e *InvalidError) Error() string {
	msg := "quotes: invalid"
	for _, name := range fieldOrder {
		if text, ok := e.Fields[name]; ok {
			msg += ": " + name + ": " + text
		}
	}
	return msg
}

// Is makes errors.Is(err, ErrInvalid) true.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

var fieldOrder = []string{"text", "author", "work", "locator", "translator", "year", "topics"}
