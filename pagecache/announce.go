package pagecache

import (
	"context"

	"github.com/echoic-go/echoic/cache"
)

// announcer is a store of pages that can make tokens for tags before the page is
// made.
type announcer interface {
	Announce(ctx context.Context, missed cache.Record[*entry], tags ...string) error
}

// announce names the tags that are known before the handler runs: a page under a
// tag without a token could not be kept if anything at all is purged meanwhile.
func (x *exchange) announce(ctx context.Context) {
	records, ok := any(x.p.records).(announcer)
	if !ok {
		return
	}
	x.withStore(ctx, func(ctx context.Context) {
		for _, tags := range [...][]string{x.urlTags(), x.route.tags} {
			if err := records.Announce(ctx, x.missed, tags...); err != nil {
				x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
				return
			}
		}
	})
}
