package cache

import "context"

// Announce makes tokens for tags that the thing to be made will carry, where they
// have none, before it is made: missed is the lookup that missed. Without it a tag
// that nobody has used before gets its token when the thing is stored, and with
// any purge of any tag in between the thing is refused: nobody can tell then
// whether the token was lost in that purge.
//
// It takes one trip to the store for each tag of which this process holds no
// token. That it failed is no reason not to go on.
func (r *Records[T]) Announce(ctx context.Context, missed Record[T], tags ...string) error {
	if err := r.c.open(); err != nil {
		return err
	}
	if missed.ticket.seq == 0 {
		return nil
	}
	return r.c.verdict(ctx, "announce tags", r.c.tags.announce(ctx, missed.ticket.seq, tags))
}

// announce is sound because what is made begins afterwards: a purge that was
// acknowledged before, of whose token nothing is left, is seen by it, and one
// that comes later renews the token.
//
// The number has to be one of the store that gets the token. If a fallback gave
// it, and the shared store is back, it is above all numbers there; then nothing is
// announced.
func (t *Tags) announce(ctx context.Context, seq uint64, tags []string) error {
	missing := make([]string, 0, len(tags))
	for _, tag := range tags {
		key := t.key(tag)
		if t.near != nil && t.near.Verified() {
			if _, held := t.near.Get(key); held {
				continue
			}
		}
		missing = append(missing, key)
	}
	if len(missing) == 0 {
		return nil
	}
	ctx, witness := WithWitness(ctx)
	if present, err := t.present(ctx); err != nil || present < seq {
		return err
	}
	for _, key := range missing {
		if _, err := t.add(ctx, witness, key, newToken(seq)); err != nil {
			return err
		}
	}
	return nil
}

// present is the number of the last purge, from the near tier if that knows it.
func (t *Tags) present(ctx context.Context) (uint64, error) {
	if t.near != nil && t.near.Verified() && !degraded(t.shared) {
		v, _ := t.near.Get(t.seqName)
		if seq, ok := v.(uint64); ok {
			return seq, nil
		}
	}
	return t.sequence(ctx)
}

// add keeps a token where none is. ctx is that of the witness, which has seen where
// the number comes from; a store with a fallback refuses to mix the two.
func (t *Tags) add(ctx context.Context, witness *Witness, key string, token Token) (bool, error) {
	added, err := t.shared.Set(ctx, key, token.encode(), tokenTTL, IfAbsent)
	if t.near != nil && !witness.Fallback() {
		t.near.Forget(key)
	}
	return added, err
}
