package cachetest

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// page is what the checks keep as a record.
type page struct{ Body string }

func (e *cacheEnv) records(c *cache.Cache, kind byte) *cache.Records[*page] {
	e.Helper()
	r, err := cache.NewRecords(c, cache.RecordsConfig[*page]{
		Kind:   kind,
		Encode: func(p *page) ([]byte, error) { return json.Marshal(p) },
		Decode: func(b []byte) (*page, error) {
			var p page
			return &p, json.Unmarshal(b, &p)
		},
		Size: func(p *page) int { return len(p.Body) },
	})
	e.ok("NewRecords", err)
	return r
}

// makes does what a page cache does: it looks, and on a miss makes the page in
// the scope and stores it. It returns why it was not stored.
func (e *cacheEnv) makes(r *cache.Records[*page], key cache.Key, body string, ttl time.Duration, with func(ctx context.Context)) (reason string) {
	e.Helper()
	rec, found, err := r.Get(e.Context(), key)
	e.ok("Records.Get", err)
	if found {
		e.brokenNow("the record is there already: %q", rec.Value.Body)
	}
	ctx, scope := r.Open(e.Context(), rec)
	if with != nil {
		with(ctx)
	}
	_, reason, err = r.Put(ctx, key, &page{body}, scope, ttl)
	e.ok("Records.Put", err)
	return reason
}

func (e *cacheEnv) kept(r *cache.Records[*page], key cache.Key, want string) cache.Record[*page] {
	e.Helper()
	rec, found, err := r.Get(e.Context(), key)
	e.ok("Records.Get", err)
	if !found || rec.Value.Body != want {
		e.brokenNow("Records.Get: found %v, want %.80q", found, want)
	}
	return rec
}

func (e *cacheEnv) notKept(r *cache.Records[*page], key cache.Key) {
	e.Helper()
	_, found, err := r.Get(e.Context(), key)
	e.ok("Records.Get", err)
	if found {
		e.broken("Records.Get finds what it should not")
	}
}

// hearsOf is notKept for what another cache has dropped: behind a near tier it
// takes until that has heard of it.
func (e *cacheEnv) hearsOf(r *cache.Records[*page], key cache.Key) {
	e.Helper()
	if e.caps.Near != nil {
		e.eventually("the cache hears", func() bool {
			_, found, err := r.Get(e.Context(), key)
			e.ok("Records.Get", err)
			return !found
		})
	}
	e.notKept(r, key)
}

var home = cache.NewKey("GET", "https", "example.org", "/")

var recordChecks = []cacheCheck{
	{"Kept", "A record comes back as it was stored, with its dates and what it depends on.", func(e *cacheEnv) {
		r := e.records(e.c, 'p')
		begin := time.Now()
		body := strings.Repeat("to be or not to be ", 500)
		if reason := e.makes(r, home, body, time.Hour, func(ctx context.Context) { cache.Tag(ctx, "quote:1") }); reason != "" {
			e.broken("not stored: %s", reason)
		}
		rec := e.kept(r, home, body)
		// Dates are in milliseconds where they are encoded.
		if rec.Created.Before(begin.Add(-grain)) || rec.Created.After(time.Now()) || rec.Expires.Sub(rec.Created).Round(time.Second) != time.Hour {
			e.broken("created %v, expires %v", rec.Created, rec.Expires)
		}
		if len(rec.Deps.Tags) != 1 || rec.Deps.Tags[0].Name != "quote:1" || rec.Deps.Tags[0].Token.IsZero() {
			e.broken("depends on %+v", rec.Deps)
		}
	}},
	{"KeysApart", "Records of other keys, kinds and caches do not meet; (a, b) is not (ab).", func(e *cacheEnv) {
		pages, fragments := e.records(e.c, 'p'), e.records(e.c, 'f')
		other := e.records(e.newCache(cache.Config{Prefix: e.c.Prefix() + "-other"}), 'p')
		e.makes(pages, cache.NewKey("a", "b"), "a, b", time.Hour, nil)
		e.notKept(pages, cache.NewKey("ab"))
		e.notKept(pages, cache.NewKey("a", "b", ""))
		e.notKept(pages, cache.NewKey("b", "a"))
		e.notKept(fragments, cache.NewKey("a", "b"))
		e.notKept(other, cache.NewKey("a", "b"))
		e.kept(pages, cache.NewKey("a").With("b"), "a, b")
	}},
	{"Expires", "A record ends with its TTL, or earlier if the scope says so.", func(e *cacheEnv) {
		r := e.records(e.c, 'p')
		look := func(key cache.Key) func() (bool, error) {
			return func() (bool, error) {
				_, found, err := r.Get(e.Context(), key)
				return found, err
			}
		}
		e.watch(brief, func() { e.makes(r, home, "x", brief, nil) }, look(home))
		soon := cache.NewKey("soon")
		e.watch(brief, func() {
			e.makes(r, soon, "x", time.Hour, func(ctx context.Context) { cache.Expire(ctx, time.Now().Add(brief)) })
		}, look(soon))
	}},
	{"Refused", "What is private or unstorable is not stored, and the reason says why.", func(e *cacheEnv) {
		r := e.records(e.c, 'p')
		for want, with := range map[string]func(ctx context.Context){
			"session":  func(ctx context.Context) { cache.Private(ctx, "session") },
			"degraded": func(ctx context.Context) { cache.ScopeOf(ctx).Unstorable("degraded") },
			"time to live": func(ctx context.Context) {
				cache.Expire(ctx, time.Now().Add(-time.Second))
			},
		} {
			if reason := e.makes(r, home, "x", time.Hour, with); !strings.Contains(reason, want) {
				e.broken("the reason is %q, want it to say %q", reason, want)
			}
			e.notKept(r, home)
		}
	}},
	{"Clear", "Clear drops pages and fragments too.", func(e *cacheEnv) {
		pages, fragments := e.records(e.c, 'p'), e.records(e.c, 'f')
		e.makes(pages, home, "x", time.Hour, nil)
		e.makes(fragments, home, "x", time.Hour, nil)
		e.clears(e.newCache(cache.Config{})) // by another server
		e.hearsOf(pages, home)
		e.hearsOf(fragments, home)
		e.makes(pages, home, "y", time.Hour, func(ctx context.Context) { e.check("Clear", e.c.Clear(ctx)) })
		e.notKept(pages, home)
	}},
	{"Delete", "Delete removes one record and says whether there was one.", func(e *cacheEnv) {
		r := e.records(e.c, 'f')
		e.makes(r, home, "x", time.Hour, nil)
		for _, want := range []bool{true, false} {
			removed, err := r.Delete(e.Context(), home)
			e.ok("Records.Delete", err)
			if removed != want {
				e.broken("Records.Delete = %v, want %v", removed, want)
			}
			e.notKept(r, home)
		}
	}},
	{"Vary", "A record that varies is a hit only for the same values.", func(e *cacheEnv) {
		r := e.records(e.c, 'p')
		e.makes(r, home, "auf Deutsch", time.Hour, func(ctx context.Context) { cache.Vary(ctx, "locale", "de") })
		e.notKept(r, home)
		for value, want := range map[string]bool{"de": true, "fr": false} {
			ctx := context.WithValue(e.Context(), cache.VariantsKey{}, fixedVariants{"locale": value})
			_, found, err := r.Get(ctx, home)
			e.ok("Records.Get", err)
			if found != want {
				e.broken("for a reader with locale %s: found %v, want %v", value, found, want)
			}
		}
	}},
}

var taggedRecordChecks = []cacheCheck{
	{"Purge", "Purge: every page and fragment that carries the tag misses, also if it got the tag from a value.", func(e *cacheEnv) {
		pages, fragments := e.records(e.c, 'p'), e.records(e.c, 'f')
		showing := func(ctx context.Context) {
			_, err := cache.Of[string](e.c).GetOrSet(ctx, "value", func(ctx context.Context) (string, error) {
				cache.Tag(ctx, "quote:1")
				return "x", nil
			})
			e.check("GetOrSet", err)
		}
		other := cache.NewKey("/other")
		for range 3 { // the second and third time the value is a hit, or was purged
			e.makes(pages, home, "x", time.Hour, showing)
			e.makes(fragments, home, "x", time.Hour, showing)
			e.kept(pages, home, "x")
			e.purges("quote:1")
			e.notKept(pages, home)
			e.notKept(fragments, home)
		}
		e.makes(pages, other, "x", time.Hour, func(ctx context.Context) { cache.Tag(ctx, "quote:2") })
		e.purges("quote:1")
		e.kept(pages, other, "x")
	}},
	{"PurgeElsewhere", "A purge by another server of the site is seen; behind a near tier, as soon as it hears.", func(e *cacheEnv) {
		r := e.records(e.c, 'p')
		server := e.newCache(cache.Config{})
		e.makes(r, home, "x", time.Hour, func(ctx context.Context) { cache.Tag(ctx, "t") })
		e.kept(r, home, "x")
		e.ok("Purge", server.Purge(e.Context(), "t"))
		e.hearsOf(r, home)
	}},
	{"Meanwhile", "What was being made while one of its tags was purged is not stored.", func(e *cacheEnv) {
		r := e.records(e.c, 'p')
		for name, with := range map[string]func(ctx context.Context){
			"tag first": func(ctx context.Context) { cache.Tag(ctx, "t"); e.check("Purge", e.c.Purge(ctx, "t")) },
			"tag last":  func(ctx context.Context) { e.check("Purge", e.c.Purge(ctx, "t")); cache.Tag(ctx, "t") },
		} {
			if reason := e.makes(r, home, "x", time.Hour, with); reason == "" {
				e.broken("%s: stored", name)
			}
			e.notKept(r, home)
		}
	}},
	{"OldParts", "A page inherits the tokens of its parts: one made from a part that was purged is not stored.", func(e *cacheEnv) {
		r := e.records(e.c, 'p')
		put(e, "value", "x", cache.WithTags("t"))
		reason := e.makes(r, home, "x", time.Hour, func(ctx context.Context) {
			_, found, err := cache.Of[string](e.c).Get(ctx, "value")
			if err != nil || !found {
				e.broken("Get = %v, %v", found, err)
			}
			e.check("Purge", e.c.Purge(ctx, "t"))
		})
		if reason == "" {
			e.broken("stored")
		}
		e.notKept(r, home)
	}},
}
