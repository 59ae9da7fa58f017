// Package data holds the quotations that the example site starts with.
//
// One file, quotes.json, lists authors and quotations. Every quotation comes
// from a work in the public domain (or, if it is translated, from a translation
// in the public domain) and says where it stands: the work and a chapter,
// section, line, verse or date, so that a reader can look it up. The file is
// compiled into the binary; the site copies it into its database on first
// start and reads the database from then on.
//
// Conventions of the texts:
//   - Quotation marks, apostrophes and dashes are typographic; there is no markup.
//   - " / " separates lines of verse, "…" marks an omission.
//   - A quotation may begin or end inside a sentence of its source; it then
//     gets a capital letter or a full stop. Old spelling and capitals are
//     modernised where the usual reading editions do so.
//   - Round brackets inside a translated text are the translator's own.
package data
