package quotes

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// plain are the typographic marks that people type differently.
var plain = map[rune]string{
	'‘': "'", '’': "'", '“': `"`, '”': `"`, '–': "-", '—': "-", '…': "...",
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d",
}

// Fold returns text as search compares it: without case, accents and
// typography, "bronte" for "Brontë". The databases compare these bytes, because
// what they know of letters themselves differs.
func Fold(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range norm.NFD.String(text) {
		b.WriteString(foldRune(r))
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// foldRune folds one rune of decomposed text.
func foldRune(r rune) string {
	if unicode.Is(unicode.Mn, r) {
		return ""
	}
	r = unicode.ToLower(r)
	if s, ok := plain[r]; ok {
		return s
	}
	return string(r)
}

const (
	maxQuery = 200 // bytes of a search that are looked at
	maxTerms = 8
)

// Terms returns the folded words of a search, at most eight, each once. What
// no text holds, such as control characters, separates words.
func Terms(query string) []string {
	query = strings.ToValidUTF8(query, " ")
	if len(query) > maxQuery {
		query = strings.ToValidUTF8(query[:maxQuery], "")
	}
	query = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, query)
	var terms []string
	seen := map[string]bool{}
	for _, term := range strings.Fields(Fold(query)) {
		if !seen[term] && len(terms) < maxTerms {
			seen[term] = true
			terms = append(terms, term)
		}
	}
	return terms
}

// Segment is a part of a text that matched a search, or did not.
type Segment struct {
	Text  string
	Match bool
}

// Highlight splits text where it matches one of the terms, which are folded.
// The segments joined are the text.
func Highlight(text string, terms []string) []Segment {
	folded, from := foldWithOffsets(text)
	marked := make([]bool, len(text))
	for _, term := range terms {
		for at := 0; term != ""; {
			i := strings.Index(folded[at:], term)
			if i < 0 {
				break
			}
			at += i
			for b := from[at]; b < from[at+len(term)]; b++ {
				marked[b] = true
			}
			at += len(term)
		}
	}
	var segments []Segment
	start := 0
	for i := 1; i <= len(text); i++ {
		if i == len(text) || marked[i] != marked[start] {
			segments = append(segments, Segment{Text: text[start:i], Match: marked[start]})
			start = i
		}
	}
	return segments
}

// foldWithOffsets is Fold without joining spaces; from says for every byte of
// the result, and its end, where in text its character starts.
func foldWithOffsets(text string) (folded string, from []int) {
	var b strings.Builder
	var it norm.Iter
	it.InitString(norm.NFD, text)
	for !it.Done() {
		start := it.Pos()
		for _, r := range string(it.Next()) {
			s := foldRune(r)
			b.WriteString(s)
			for range len(s) {
				from = append(from, start)
			}
		}
	}
	return b.String(), append(from, len(text))
}
