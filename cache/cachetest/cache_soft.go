package cachetest

import (
	"context"
	"encoding/json"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// stalePages are records that may be served stale.
func (e *cacheEnv) stalePages(c *cache.Cache) *cache.Records[*page] {
	e.Helper()
	r, err := cache.NewRecords(c, cache.RecordsConfig[*page]{
		Kind:   'p',
		Stale:  true,
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

func (e *cacheEnv) softens(tags ...string) {
	e.Helper()
	e.ok("PurgeSoft", e.c.PurgeSoft(e.Context(), tags...))
}

// stands checks whether a record is found, and as what.
func (e *cacheEnv) stands(r *cache.Records[*page], found, soft bool) {
	e.Helper()
	rec, got, err := r.Get(e.Context(), home)
	e.ok("Records.Get", err)
	if got != found || rec.Soft != soft {
		e.brokenNow("found %v, softly purged %v; want %v, %v", got, rec.Soft, found, soft)
	}
}

var softChecks = []cacheCheck{
	{"Values", "PurgeSoft: values and records that may not be stale miss.", func(e *cacheEnv) {
		put(e, "one", "x", cache.WithTags("a"))
		put(e, "other", "x", cache.WithTags("b"))
		r := e.records(e.c, 'f')
		e.makes(r, home, "x", time.Hour, tagged("a"))
		e.softens("a", "a", "", "never used")
		missed(e, "one")
		hit(e, "other", "x")
		e.notKept(r, home)
	}},
	{"Pages", "PurgeSoft: records that may be stale are found and say so, however often; what is made anew is fresh.", func(e *cacheEnv) {
		r := e.stalePages(e.c)
		e.makes(r, home, "old", time.Hour, tagged("a"))
		e.stands(r, true, false)
		for range 3 {
			e.softens("a")
			e.stands(r, true, true)
		}
		missed, _, err := r.Get(e.Context(), cache.NewKey("nothing"))
		e.ok("Records.Get", err)
		ctx, scope := r.Open(e.Context(), missed)
		cache.Tag(ctx, "a")
		_, reason, err := r.Put(ctx, home, &page{"new"}, scope, time.Hour)
		e.ok("Records.Put", err)
		if reason != "" {
			e.broken("not stored after a soft purge: %s", reason)
		}
		e.stands(r, true, false)
	}},
	{"HardWins", "A hard purge before or after a soft one leaves nothing.", func(e *cacheEnv) {
		r := e.stalePages(e.c)
		e.makes(r, home, "x", time.Hour, tagged("a", "b"))
		e.softens("a")
		e.purges("b")
		e.stands(r, false, false)
		e.makes(r, home, "x", time.Hour, tagged("a"))
		e.purges("a")
		e.softens("a")
		e.stands(r, false, false)
	}},
	{"DuringFill", "What is being made when a tag is purged softly is not stored.", func(e *cacheEnv) {
		r := e.stalePages(e.c)
		reason := e.makes(r, home, "x", time.Hour, func(ctx context.Context) {
			e.softens("a")
			cache.Tag(ctx, "a")
		})
		if reason != cache.RefusedPurged {
			e.broken("stored, or for another reason: %q", reason)
		}
	}},
	{"Many", "255 soft purges after a hard one are soft, whoever made the token; the next is a hard one.", func(e *cacheEnv) {
		r := e.stalePages(e.c)
		e.purges("purged before")
		e.makes(r, home, "x", time.Hour, tagged("new", "purged before"))
		for range 255 {
			e.softens("new", "purged before")
		}
		e.stands(r, true, true)
		e.softens("new")
		e.stands(r, false, false)
	}},
}

func tagged(tags ...string) func(context.Context) {
	return func(ctx context.Context) { cache.Tag(ctx, tags...) }
}
