package site

import (
	"context"
	"slices"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/example-app/internal/quotes"
)

// What is cached carries tags that say what it shows, and an edit purges the
// tags of what it changed. Pages, fragments and values that show a quotation
// carry its quote tag and that of its author.
const (
	// collectionTag is on lists that change when a quotation comes, or moves
	// to another author or topic: counts, latest, topics.
	collectionTag = "collection"
	// wordsTag is on what any change of any text can change: search results.
	wordsTag = "words"
)

func quoteTag(id string) string    { return "quote:" + id }
func authorTag(slug string) string { return "author:" + slug }

// tagAll says that what is being made shows these quotations.
func tagAll(ctx context.Context, all ...quotes.Quote) {
	for _, q := range all {
		cache.Tag(ctx, quoteTag(q.ID), authorTag(q.Author.Slug))
	}
}

// tagsOfEdit are the tags to purge when before has become after.
func tagsOfEdit(before, after quotes.Quote) []string {
	tags := []string{quoteTag(after.ID), authorTag(after.Author.Slug), wordsTag}
	moved := before.Author != after.Author
	if moved {
		tags = append(tags, authorTag(before.Author.Slug))
	}
	if moved || !slices.Equal(before.Topics, after.Topics) {
		tags = append(tags, collectionTag)
	}
	return tags
}

// tagsOfAddition are the tags to purge when a quotation has come.
func tagsOfAddition(q quotes.Quote) []string {
	return []string{authorTag(q.Author.Slug), collectionTag, wordsTag}
}
