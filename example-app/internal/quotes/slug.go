package quotes

import "strings"

const maxSlug = 80

// IsSlug reports whether s can be an ID, slug or topic: lower-case ASCII
// letters, digits and hyphens, at most 80. Anything else is in no table, and
// the database is not asked: Postgres refuses some texts with an error.
func IsSlug(s string) bool {
	if s == "" || len(s) > maxSlug {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
		default:
			return false
		}
	}
	return true
}

// slugOf makes the ID of a new quotation: who, and its first words.
func slugOf(author, text string) string {
	const words, room = 5, 60
	slug := author
	for i, word := range strings.FieldsFunc(Fold(text), func(r rune) bool { return r != '\'' && !isWordRune(r) }) {
		word = strings.ReplaceAll(word, "'", "")
		if i >= words || len(slug)+1+len(word) > room {
			break
		}
		if word != "" {
			slug += "-" + word
		}
	}
	return slug
}

func isWordRune(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }
