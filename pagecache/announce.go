package pagecache

import "context"

// announce names the tags that are known before the handler runs: a page under a
// tag without a token could not be kept if anything at all is purged meanwhile.
func (x *exchange) announce(ctx context.Context) {
	x.withStore(ctx, func(ctx context.Context) {
		for _, tags := range [...][]string{x.urlTags(), x.route.tags} {
			if err := x.p.records.Announce(ctx, x.missed, tags...); err != nil {
				x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
				return
			}
		}
	})
}
