package pagecache

import (
	"context"
	"strings"
)

// Purge makes all pages (and fragments, and values) with one of the tags miss.
func (p *Pages) Purge(ctx context.Context, tags ...string) error {
	return p.purge(ctx, tags, false, false)
}

// PurgeSoft makes all pages with one of the tags stale: each is served as it is
// once more, or a few times, while it is made anew, where it may be served stale at
// all. Fragments and values with the tags miss.
func (p *Pages) PurgeSoft(ctx context.Context, tags ...string) error {
	return p.purge(ctx, tags, true, false)
}

// PurgeURL makes the page of a URL miss, in all variants and codings. The URL needs
// scheme and host; its query is sorted as a request's is, and ignored parameters
// must not be in it. An error is a *[URLError] or the store's.
func (p *Pages) PurgeURL(ctx context.Context, rawURL string) error {
	return p.purgeURL(ctx, rawURL, false)
}

// PurgeURLSoft is PurgeURL, soft as [Pages.PurgeSoft] is.
func (p *Pages) PurgeURLSoft(ctx context.Context, rawURL string) error {
	return p.purgeURL(ctx, rawURL, true)
}

// PurgePrefix makes all pages miss whose path is that of the URL or lies below it:
// http://example.org/quotes stands for /quotes, /quotes?page=2 and /quotes/7, but
// not for /quotes-of-today. It costs the same however many they are. The URL has no
// query and at most eight segments; an error is a *[URLError] or the store's.
func (p *Pages) PurgePrefix(ctx context.Context, rawURL string) error {
	return p.purgePrefix(ctx, rawURL, false)
}

// PurgePrefixSoft is PurgePrefix, soft as [Pages.PurgeSoft] is.
func (p *Pages) PurgePrefixSoft(ctx context.Context, rawURL string) error {
	return p.purgePrefix(ctx, rawURL, true)
}

// PurgeAll makes all pages miss, and neither fragments nor values.
func (p *Pages) PurgeAll(ctx context.Context) error {
	return p.purge(ctx, []string{AllPages}, false, true)
}

// PurgeAllSoft is PurgeAll, soft as [Pages.PurgeSoft] is.
func (p *Pages) PurgeAllSoft(ctx context.Context) error {
	return p.purge(ctx, []string{AllPages}, true, true)
}

func (p *Pages) purgeURL(ctx context.Context, rawURL string, softly bool) error {
	tag, err := urlTagOf(rawURL, p.cfg.Strict)
	if err != nil {
		return err
	}
	return p.purge(ctx, []string{tag}, softly, true)
}

func (p *Pages) purgePrefix(ctx context.Context, rawURL string, softly bool) error {
	tags, err := PrefixTags(rawURL)
	if err != nil {
		return err
	}
	return p.purge(ctx, tags, softly, true)
}

// purge purges tags. Inside the process those of URLs and directories are counted;
// if they are ours alone, nothing else can carry them.
func (p *Pages) purge(ctx context.Context, tags []string, softly, ours bool) error {
	if p.local {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, tag := range tags {
			p.count(tag, softly)
		}
		if ours {
			return nil
		}
	}
	if softly {
		return p.cfg.Cache.PurgeSoft(ctx, tags...)
	}
	return p.cfg.Cache.Purge(ctx, tags...)
}

func (p *Pages) count(tag string, softly bool) {
	if url, ok := strings.CutPrefix(tag, urlPrefix); ok {
		p.changed.add(url, softly)
	} else if dir, ok := strings.CutPrefix(tag, directoryPrefix); ok {
		p.changed.addBelow(dir, softly)
	}
}
