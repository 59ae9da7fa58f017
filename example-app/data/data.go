package data

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed quotes.json
var file []byte

// Author is a person, or for scripture a book, that quotations are taken from.
type Author struct {
	// Slug identifies the author in URLs: lower-case ASCII letters, digits and hyphens.
	Slug string `json:"slug"`
	// Name is the name as a reader expects it on a page.
	Name string `json:"name"`
	// Lived is text for display, "121–180" for example; it is not meant to be parsed.
	Lived string `json:"lived"`
	// Bio is one sentence about the author.
	Bio string `json:"bio"`
}

// Quote is one quotation with its source.
type Quote struct {
	// ID identifies the quotation in URLs, under the same rule as [Author.Slug].
	ID string `json:"id"`
	// Author is the Slug of an author in [Authors].
	Author string `json:"author"`
	// Text is the quotation: 20 to 400 characters, plain text, without enclosing marks.
	Text string `json:"text"`
	// Work is the title of the book, poem, letter or speech.
	Work string `json:"work"`
	// Locator is the place in Work: chapter, section, line, verse or date.
	Locator string `json:"locator"`
	// Translator is empty for works quoted in their own language.
	Translator string `json:"translator,omitempty"`
	// Year is that of the work, or of the edition or translation quoted.
	Year int `json:"year"`
	// Topics are one to three of the names that [Topics] returns, the main one first.
	Topics []string `json:"topics"`
}

// Topics returns the names under which quotations are filed, in display order.
// The caller owns the slice.
func Topics() []string {
	return []string{
		"courage", "work", "time", "character", "wisdom", "hope",
		"nature", "friendship", "freedom", "learning", "perseverance", "simplicity",
	}
}

// Authors returns the authors, the oldest first. Each call parses the embedded
// file, and the caller owns the result. An error means that the binary was built
// with a damaged file.
func Authors() ([]Author, error) {
	c, err := parse()
	return c.Authors, err
}

// Quotes returns the quotations, grouped by author in the order of [Authors].
// Each call parses the embedded file, and the caller owns the result. An error
// means that the binary was built with a damaged file.
func Quotes() ([]Quote, error) {
	c, err := parse()
	return c.Quotes, err
}

type collection struct {
	Authors []Author `json:"authors"`
	Quotes  []Quote  `json:"quotes"`
}

// parse refuses unknown fields, because a misspelt "translater" would otherwise
// drop a credit in silence.
func parse() (collection, error) {
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.DisallowUnknownFields()
	var c collection
	if err := dec.Decode(&c); err != nil {
		return collection{}, fmt.Errorf("data: quotes.json does not parse, correct the file and build again: %w", err)
	}
	return c, nil
}
