package cache

import "context"

// Soft purges.
//
// The last byte of a token's number counts the soft purges since the last hard
// one: the rest stays. So a reader sees from the present token whether what was
// made under another one has been purged softly, or for good; it costs nothing
// where nothing was purged, and no store needs to know of it.

// softened is the token after one more soft purge, the seq-th of all. After too
// many of them the purge is a hard one.
func (t Token) softened(seq uint64) Token {
	if t.ID&0xff == 0xff {
		return newToken(seq)
	}
	return Token{ID: t.ID + 1, Seq: seq}
}

// softOf reports whether what was made under the older token was only purged
// softly since.
func (t Token) softOf(older Token) bool {
	return t.ID>>8 == older.ID>>8 && t.ID&0xff > older.ID&0xff && !older.IsZero()
}

// passedBy reports whether the token now was purged softly later than t was made,
// from another one.
func (t Token) passedBy(now Token) bool {
	return now.Seq > t.Seq && now.ID&0xff != 0 && now.ID>>8 != t.ID>>8
}

// standing is what the tags of a stored thing say about it.
type standing uint8

const (
	isCurrent standing = iota
	isSoft             // purged softly: it may be served while it is made anew
	isPurged
)

// of compares the present tokens with those that something was made under.
func standingOf(now []Token, tags []TagToken) standing {
	s := isCurrent
	for i, tag := range tags {
		switch {
		case tag.Token.IsZero():
			return isPurged
		case now[i] == tag.Token:
		case now[i].softOf(tag.Token):
			s = isSoft
		default:
			return isPurged
		}
	}
	return s
}

// standing is current with an eye for soft purges.
func (t *Tags) standing(ctx context.Context, tags []TagToken) (standing, error) {
	if len(tags) == 0 {
		return isCurrent, nil
	}
	now, err := t.tokens(ctx, tags)
	if err != nil {
		return isPurged, err
	}
	return standingOf(now, tags), nil
}

// PurgeSoft is Purge, except that pages that carry one of the tags are served
// stale while they are made anew, where they may be served stale at all. Values
// and fragments miss. What is being made right now from older data is not kept.
// Of a tag that is never purged for good every 256th soft purge is a hard one.
func (t *Tags) PurgeSoft(ctx context.Context, tags ...string) error {
	tags = distinct(tags)
	if len(tags) == 0 {
		return nil
	}
	list := make([]Invalidation, len(tags))
	for i, tag := range tags {
		list[i] = Invalidation{Kind: InvalidTagSoftly, Name: tag}
	}
	defer t.advance()
	return t.journal.write(ctx, list, func(ctx context.Context) error { return t.softenAll(ctx, tags) },
		func(what debt) error { return t.owe(tags, what) }) // what is owed is purged for good
}

// softenAll renews the tokens of the tags softly. Debts are paid before: else a
// purge that nobody has heard of yet would become a soft one.
func (t *Tags) softenAll(ctx context.Context, tags []string) error {
	if tags = distinct(tags); len(tags) == 0 {
		return nil
	}
	swapper, ok := t.store.(Swapper)
	if !ok {
		return t.renewAll(ctx, tags)
	}
	owing := make([]TagToken, len(tags))
	for i, tag := range tags {
		owing[i].Name = tag
	}
	if err := t.settle(ctx, owing); err != nil {
		return err
	}
	within, witness := WithWitness(ctx)
	seq, err := t.nextSequence(within)
	if err != nil {
		return t.purgeByDelete(ctx, tags, err)
	}
	counted := witness.Fallback()
	for _, tag := range tags {
		if err = t.soften(within, swapper, t.key(tag), seq); err != nil {
			break
		}
	}
	if err != nil || counted != witness.Fallback() {
		return t.renewAll(ctx, tags) // not in one store: for good, which is always right
	}
	return nil
}

// soften changes one token. A token that is missing stays so: what carries the tag
// is invalid already. One of a later purge stays too.
func (t *Tags) soften(ctx context.Context, swapper Swapper, key string, seq uint64) error {
	for range 16 {
		old, found, err := t.store.Get(ctx, key)
		if err != nil || !found {
			return err
		}
		now := decodeToken(old)
		if now.Seq >= seq {
			// A purge that was counted later has been here: what it let stand,
			// this one does as well.
			return nil
		}
		if done, err := swapper.Swap(ctx, key, old, now.softened(seq).encode(), tokenTTL); err != nil || done {
			return err
		}
	}
	_, err := t.store.Delete(ctx, key)
	return err
}

// PurgeSoft is [Tags.PurgeSoft] for the domain of tags of the cache.
func (c *Cache) PurgeSoft(ctx context.Context, tags ...string) error {
	if err := c.open(); err != nil {
		return err
	}
	return c.degraded(ctx, "purge softly", c.tags.PurgeSoft(ctx, tags...))
}
