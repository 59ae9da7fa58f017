package pagecache

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Description is a stored page, for operators.
type Description struct {
	// Variants is how many answers are stored for the URL, by request headers
	// (Fields) or values of a session; zero for one answer.
	Variants int
	Fields   []string
	// The rest is that of one answer. Header and Body must not be modified.
	Status int
	Header http.Header
	Body   []byte
	// Life is for how long it is fresh, Age how old it is, and Render what the
	// handler took.
	Life, Age, Render time.Duration
	// LifeFrom is what says how long it is fresh.
	LifeFrom string
	// Coded is the content coding that is kept beside Body, and CodedSize its
	// length.
	Coded     string
	CodedSize int
}

// Describe reads what [cache.Cache.Inspect] found under the key of a page. It is
// false for what is none.
func Describe(i cache.Inspection, now time.Time) (Description, bool) {
	e, ok := i.Object.(*entry)
	if !ok {
		var err error
		if e, err = decodeEntry(i.Plain); err != nil {
			return Description{}, false
		}
	}
	if e.isIndex() {
		return Description{Variants: len(e.variants), Fields: e.fields}, true
	}
	d := Description{Status: e.status, Header: e.header, Body: e.body, Life: e.life, LifeFrom: lifeSource(e, nil), Age: ageOf(e, now), Render: e.render}
	if e.coded != nil {
		d.Coded, d.CodedSize = strings.Join(e.coded.name, ""), len(e.coded.body)
	}
	return d, true
}

// Locate returns the key under which the store holds the page of a URL, or the list
// of its variants: for [cache.Cache.Inspect]. Pages of routes that vary by cookies,
// declared headers or parts of their own have keys that the URL does not tell. An
// error is a *[URLError] or the store's.
func (p *Pages) Locate(ctx context.Context, rawURL string) (physical string, err error) {
	tag, err := urlTagOf(rawURL, p.cfg.Strict)
	if err != nil {
		return "", err
	}
	return p.cfg.Cache.PhysicalRecord(ctx, 'p', cache.NewKey("page", strings.TrimPrefix(tag, urlPrefix)))
}

// Holds reports whether this process holds the page of a URL, or the list of its
// variants, so that no store outside is asked for it. It asks none either.
func (p *Pages) Holds(ctx context.Context, rawURL string) bool {
	tag, err := urlTagOf(rawURL, p.cfg.Strict)
	if err != nil {
		return false
	}
	_, _, ok := p.records.Peek(ctx, cache.NewKey("page", strings.TrimPrefix(tag, urlPrefix)))
	return ok
}

// Outdated reports whether what [cache.Cache.Inspect] found for the URL was changed
// or purged by URL or path since it was made; softly says that it may still be served
// stale. In a store outside the process tags say so, and this is false.
func (p *Pages) Outdated(rawURL string, i cache.Inspection) (gone, softly bool) {
	tag, err := urlTagOf(rawURL, p.cfg.Strict)
	e, ok := i.Object.(*entry)
	if err != nil || !ok || e.isIndex() {
		return false, false
	}
	return p.outdated(e, strings.TrimPrefix(tag, urlPrefix))
}
