package cachetest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var purgeChecks = []cacheCheck{
	{"Tagged", "Purge: every value that carries the tag misses, and no other.", func(e *cacheEnv) {
		put(e, "one", "x", cache.WithTags("a"))
		put(e, "two", "x", cache.WithTags("a", "b"))
		put(e, "other", "x", cache.WithTags("b"))
		put(e, "untagged", "x")
		e.loads("loaded", "x", func(context.Context) (string, error) { return "x", nil }, cache.WithTags("a"))
		hit(e, "two", "x")
		e.purges("a")
		for _, key := range []string{"one", "two", "loaded"} {
			missed(e, key)
		}
		hit(e, "other", "x")
		hit(e, "untagged", "x")
	}},
	{"Several", "Purge takes several tags, also twice the same, and none.", func(e *cacheEnv) {
		e.purges()
		put(e, "a", "x", cache.WithTags("a"))
		put(e, "b", "x", cache.WithTags("b"))
		put(e, "c", "x", cache.WithTags("c"))
		e.purges("a", "b", "a", "", "never used")
		missed(e, "a")
		missed(e, "b")
		hit(e, "c", "x")
	}},
	{"AnyTag", "Tags are any text.", func(e *cacheEnv) {
		tags := []string{"author:jane-austen", "ü 世", "a b", "*", "%", strings.Repeat("long", 500), "a:b"}
		for i, tag := range tags {
			put(e, itoa(i), "x", cache.WithTags(tag))
		}
		for i, tag := range tags {
			e.purges(tag)
			missed(e, itoa(i))
			if i+1 < len(tags) {
				hit(e, itoa(i+1), "x")
			}
		}
	}},
	{"EveryCall", "What was purged is a miss for every call.", func(e *cacheEnv) {
		for _, key := range []string{"get", "has", "ttl", "touch", "add", "present", "load", "version"} {
			put(e, key, "old", cache.WithTags("t"), cache.TTL(cache.Forever))
		}
		e.purges("t")
		has, err := e.c.Has(e.Context(), "has")
		e.ok("Has", err)
		many, err := cache.Of[string](e.c).GetMany(e.Context(), []string{"get", "has"})
		e.ok("GetMany", err)
		if has || len(many) != 0 {
			e.broken("Has = %v, GetMany = %v", has, many)
		}
		if !e.caps.NoExpirer {
			e.leftIs("ttl", 0, false)
			e.touched(false, "touch", cache.TTL(time.Hour))
			missed(e, "touch")
			if _, err := e.c.IncrVersion(e.Context(), "version"); !errors.Is(err, cache.ErrNotFound) {
				e.broken("IncrVersion: %v", err)
			}
		}
		e.sets(false, "present", "new", cache.OnlyIfPresent())
		missed(e, "present")
		e.adds(true, "add", "new")
		hit(e, "add", "new")
		e.loads("load", "new", func(context.Context) (string, error) { return "new", nil })
		hit(e, "load", "new")
	}},
	{"Again", "A value that is stored after the purge is there, and can be purged again.", func(e *cacheEnv) {
		for i := range 5 {
			put(e, "k", i, cache.WithTags("t"))
			hit(e, "k", i)
			e.purges("t")
			missed(e, "k")
		}
	}},
	{"ReplacedTags", "Set replaces the tags.", func(e *cacheEnv) {
		put(e, "k", "x", cache.WithTags("old"))
		put(e, "k", "y", cache.WithTags("new"))
		e.purges("old")
		hit(e, "k", "y")
		put(e, "k", "z")
		e.purges("new")
		hit(e, "k", "z")
	}},
	{"Everywhere", "A purge reaches every cache that shares the tags, and every server.", func(e *cacheEnv) {
		pages := e.newCache(cache.Config{Prefix: e.c.Prefix() + "-pages", Tags: e.c.Tags()})
		server := e.newCache(cache.Config{}) // of the same site
		putIn(e, pages, "k", "x", cache.WithTags("t"))
		put(e, "k", "x", cache.WithTags("t"))
		hitIn(e, server, "k", "x")
		e.ok("Purge", server.Purge(e.Context(), "t"))
		missed(e, "k")
		missedIn(e, pages, "k")
		missedIn(e, server, "k")
	}},
	{"Apart", "Caches of other sites have other tags.", func(e *cacheEnv) {
		other := e.newCache(cache.Config{Prefix: e.c.Prefix() + "-other"})
		put(e, "k", "x", cache.WithTags("t"))
		e.ok("Purge", other.Purge(e.Context(), "t"))
		hit(e, "k", "x")
	}},
	{"Meanwhile", "What was being made from older data while a tag was purged is not stored.", func(e *cacheEnv) {
		// The tag is known before the loader runs …
		e.loadsLater("before", "old", func(ctx context.Context) (string, error) {
			cache.Tag(ctx, "t")
			return "old", e.c.Purge(ctx, "t")
		})
		missed(e, "before")
		// … or learned from what was read, which was read before the purge.
		e.loadsLater("after", "old", func(ctx context.Context) (string, error) {
			err := e.c.Purge(ctx, "t")
			cache.Tag(ctx, "t")
			return "old", err
		})
		missed(e, "after")
		// The same for a tag that nobody has used before.
		e.loadsLater("new tag", "old", func(ctx context.Context) (string, error) {
			err := e.c.Purge(ctx, "first used here")
			cache.Tag(ctx, "first used here")
			return "old", err
		})
		missed(e, "new tag")
	}},
	{"Unrelated", "A purge of other tags meanwhile does no harm where the tag is in use already.", func(e *cacheEnv) {
		put(e, "tag in use", "x", cache.WithTags("t"))
		e.loadsLater("k", "x", func(ctx context.Context) (string, error) {
			cache.Tag(ctx, "t")
			return "x", e.c.Purge(ctx, "other")
		})
		hit(e, "k", "x")
	}},
	{"Limit", "At most 128 tags a value.", func(e *cacheEnv) {
		tags := make([]string, cache.MaxTags)
		for i := range tags {
			tags[i] = "tag" + strconv.Itoa(i)
		}
		put(e, "k", "x", cache.WithTags(tags...))
		hit(e, "k", "x")
		e.purges("tag77")
		missed(e, "k")
		if _, err := cache.Of[string](e.c).Set(e.Context(), "k", "x", cache.WithTags(append(tags, "one more")...)); err == nil {
			e.broken("Set with %d tags: no error", len(tags)+1)
		}
	}},
	{"LongLived", "A tag lives as long as what carries it.", func(e *cacheEnv) {
		put(e, "k", "x", cache.WithTags("t"), cache.TTL(cache.Forever))
		put(e, "years", "x", cache.WithTags("t"), cache.TTL(3650*day))
		hit(e, "k", "x")
		hit(e, "years", "x")
		e.purges("t")
		missed(e, "k")
		missed(e, "years")
	}},
}

func (e *cacheEnv) purges(tags ...string) {
	e.Helper()
	e.ok("Purge", e.c.Purge(e.Context(), tags...))
}
