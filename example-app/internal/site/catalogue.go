package site

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/example-app/internal/quotes"
)

// catalogue reads quotations as pages need them: through the cache what several
// pages share, from the database what one page shows and keeps itself. All of
// it is tagged, so that an edit removes the pages, too.
type catalogue struct {
	quotes *quotes.Repository
	cache  *cache.Cache
	now    func() time.Time
}

// valueTTL bounds values that an edit removes earlier.
const valueTTL = time.Hour

// quote returns a quotation, or quotes.ErrNotFound.
func (c *catalogue) quote(ctx context.Context, id string) (quotes.Quote, error) {
	if !quotes.IsSlug(id) {
		return quotes.Quote{}, fmt.Errorf("%w: quotation %.100q", quotes.ErrNotFound, id)
	}
	return cache.Of[quotes.Quote](c.cache).GetOrSet(ctx, "quote:"+id, func(ctx context.Context) (quotes.Quote, error) {
		q, err := c.quotes.Quote(ctx, id)
		tagAll(ctx, q)
		return q, err
	}, cache.TTL(valueTTL))
}

// daily returns the quotation of the day. It expires at midnight, and takes
// with it whatever was made from it: a page that shows it is told its end.
func (c *catalogue) daily(ctx context.Context) (quotes.Quote, time.Time, error) {
	now := c.now().UTC()
	day := now.Truncate(24 * time.Hour)
	load := func(ctx context.Context) (quotes.Quote, error) {
		q, err := c.quotes.Daily(ctx, day)
		tagAll(ctx, q)
		return q, err
	}
	q, err := cache.Of[quotes.Quote](c.cache).GetOrSet(ctx, "daily:"+day.Format(time.DateOnly), load, cache.TTL(day.Add(24*time.Hour).Sub(now)))
	return q, day, err
}

// latest returns the quotations that were added last.
func (c *catalogue) latest(ctx context.Context, n int) ([]quotes.Quote, error) {
	cache.Tag(ctx, collectionTag)
	all, err := c.quotes.Latest(ctx, n)
	tagAll(ctx, all...)
	return all, err
}

// authors returns all authors, the oldest first.
func (c *catalogue) authors(ctx context.Context) ([]quotes.Author, error) {
	return cache.Of[[]quotes.Author](c.cache).GetOrSet(ctx, "authors", c.quotes.Authors, cache.TTL(valueTTL), cache.WithTags(collectionTag))
}

// mostQuoted is a template function: the n authors with the most quotations.
func (c *catalogue) mostQuoted(ctx context.Context, n int) ([]quotes.Author, error) {
	all, err := c.authors(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b quotes.Author) int { return cmp.Compare(b.Quotes, a.Quotes) })
	return all[:min(n, len(all))], nil
}

// topics is a template function: all topics.
func (c *catalogue) topics(ctx context.Context) ([]quotes.Topic, error) {
	return cache.Of[[]quotes.Topic](c.cache).GetOrSet(ctx, "topics", c.quotes.Topics, cache.TTL(valueTTL), cache.WithTags(collectionTag))
}

// samples returns a short quotation for each topic. Any edit can make another
// one the shortest.
func (c *catalogue) samples(ctx context.Context) (map[string]quotes.Quote, error) {
	cache.Tag(ctx, wordsTag, collectionTag)
	found, err := c.quotes.Samples(ctx)
	for _, q := range found {
		tagAll(ctx, q)
	}
	return found, err
}

// byAuthor returns an author with all quotations, or quotes.ErrNotFound.
func (c *catalogue) byAuthor(ctx context.Context, slug string) (quotes.Author, []quotes.Quote, error) {
	author, err := c.quotes.Author(ctx, slug)
	if err != nil {
		return quotes.Author{}, nil, err
	}
	cache.Tag(ctx, authorTag(slug))
	all, err := c.quotes.ByAuthor(ctx, slug)
	// The author's tag covers them: every edit purges it. Tags of their own
	// are for purges by hand, and a page can carry 128.
	tagAll(ctx, all[:min(len(all), 100)]...)
	return author, all, err
}

// byTopic returns a page of a topic, or quotes.ErrNotFound.
func (c *catalogue) byTopic(ctx context.Context, topic string, page int) (quotes.Page, error) {
	cache.Tag(ctx, collectionTag)
	topics, err := c.topics(ctx)
	if err != nil {
		return quotes.Page{}, err
	}
	if !slices.ContainsFunc(topics, func(t quotes.Topic) bool { return t.Name == topic }) {
		return quotes.Page{}, fmt.Errorf("%w: topic %.100q", quotes.ErrNotFound, topic)
	}
	p, err := c.quotes.ByTopic(ctx, topic, page)
	tagAll(ctx, p.Quotes...)
	return p, err
}

// search returns a page of what a query finds, or quotes.ErrNotFound.
func (c *catalogue) search(ctx context.Context, query string, page int) (quotes.Page, error) {
	cache.Tag(ctx, wordsTag, collectionTag)
	p, err := c.quotes.Search(ctx, query, page)
	tagAll(ctx, p.Quotes...)
	return p, err
}
