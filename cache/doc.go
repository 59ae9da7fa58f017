// Package cache keeps values under readable keys, with versions, lifetimes and
// tags, in memory, in a database or in Redis.
//
// The mental model has four parts. A [Store] keeps bytes under keys; backends
// are in the subpackages. A [Cache] is a Store with a prefix, a version, a
// default time to live, a codec and a compressor; [Of] is its typed view. A tag
// is a name that values, fragments and pages carry, and [Cache.Purge] makes all
// that carry it miss, at once and for the same price whether they are one or a
// million. A [Scope] in the context records what a thing depends on while it is
// made, and again whenever it is found: so the tags of a value reach the
// fragment that shows it, and the page around that.
//
//	store, err := memory.New(memory.Config{})
//	c, err := cache.New(cache.Config{Store: store, Prefix: "shop"})
//	books := cache.Of[Book](c)
//	book, err := books.GetOrSet(ctx, "book:7", load, cache.TTL(time.Hour), cache.WithTags("author:anna"))
//	err = c.Purge(ctx, "author:anna")
//
// Packages pagecache and fragment keep their things with [Records], under the
// same tags.
package cache
