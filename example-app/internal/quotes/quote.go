package quotes

import (
	"strings"
	"time"
)

// Quote is one quotation with its source.
type Quote struct {
	// ID identifies the quotation in URLs: lower-case ASCII letters, digits
	// and hyphens. It never changes.
	ID string
	// Author is who said it.
	Author AuthorRef
	// Text is the quotation, plain, without enclosing marks. " / " separates
	// lines of verse.
	Text string
	// Work is the title of the book, poem, letter or speech.
	Work string
	// Locator is the place in Work.
	Locator string
	// Translator is empty for works quoted in their own language.
	Translator string
	// Year is that of the work, or of the translation.
	Year int
	// Topics are the names of one to three topics, the main one first.
	Topics []string
	// CreatedAt is when the quotation joined the collection, in UTC.
	CreatedAt time.Time
	// UpdatedAt grows with every change, in microseconds, in UTC.
	UpdatedAt time.Time
}

// AuthorRef names an author.
type AuthorRef struct {
	Slug string
	Name string
}

// Lines returns the text line by line, if it is verse, else as one line.
func (q Quote) Lines() []string { return strings.Split(q.Text, " / ") }

// Author is a person, or for scripture a book.
type Author struct {
	AuthorRef
	// Lived is for display: "121–180".
	Lived string
	// Bio is one sentence.
	Bio string
	// Quotes is how many quotations the collection has.
	Quotes int
}

// Topic is a heading under which quotations are filed.
type Topic struct {
	Name string
	// Quotes is how many quotations the collection has.
	Quotes int
}

// Page is a part of a longer list.
type Page struct {
	Quotes []Quote
	// Total counts the whole list.
	Total int
	// Number counts from 1; Last is the number of the last page, at least 1.
	Number, Last int
}

// PerPage is the length of a page of a list.
const PerPage = 24

// offset returns where a page starts, and the page itself without quotations.
// A number past the end, or below 1, is no page.
func offset(total, number int) (Page, int, bool) {
	last := max(1, (total+PerPage-1)/PerPage)
	if number < 1 || number > last {
		return Page{}, 0, false
	}
	return Page{Total: total, Number: number, Last: last}, (number - 1) * PerPage, true
}
