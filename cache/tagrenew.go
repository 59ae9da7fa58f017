package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// owe remembers purges that a store has not heard of. What was read of them
// before that is dropped after: who reads from then on sees the debt.
func (t *Tags) owe(tags []string, what debt) error {
	if err := t.owed.add(tags, what, t.now(), degraded(t.shared)); err != nil {
		return fmt.Errorf("cache: purge of %d tags: %w", len(tags), err)
	}
	if t.near != nil {
		for _, tag := range tags {
			t.near.Forget(t.key(tag))
		}
	}
	return nil
}

// settle tells the store that is in charge what it has not heard of the tags.
func (t *Tags) settle(ctx context.Context, tags []TagToken) error {
	names := t.owed.due(tags, t.creditor())
	if len(names) == 0 {
		return nil
	}
	defer t.advance()
	return heard(t.renewAll(ctx, names))
}

// distinct returns the names that are not empty, each once.
func distinct(names []string) []string {
	return slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(names))), func(s string) bool { return s == "" })
}

// creditor is the store that is in charge.
func (t *Tags) creditor() debt {
	if degraded(t.shared) {
		return toFallback
	}
	return toShared
}

// renewAll gives the tags fresh tokens. The number of the purge and the tokens have
// to come to lie in one store: where a fallback took over, or handed back, between
// the two, it is done again.
func (t *Tags) renewAll(ctx context.Context, tags []string) error {
	if tags = distinct(tags); len(tags) == 0 {
		return nil
	}
	var err error
	mark := t.owed.mark()
	for range 3 {
		within, witness := WithWitness(ctx)
		var seq uint64
		if seq, err = t.nextSequence(within); err != nil {
			break
		}
		counted := witness.Fallback()
		var passed bool
		passed, err = t.renewTokens(within, tags, seq)
		if err == nil && !passed && counted == witness.Fallback() {
			what := toShared
			if counted {
				what = toFallback
			}
			t.owed.paid(tags, what, mark)
			return nil
		}
		if err != nil && !counted {
			break // it is no matter of two stores
		}
	}
	if err == nil {
		err = errTooOften
	}
	return t.purgeByDelete(ctx, tags, err)
}

var errTooOften = errors.New("cache: the store that is in charge changes too often, or soft purges come too often")

// renewTokens writes a token of purge seq for each of the tags. passed says that a
// soft purge that was counted later has been there before: its token stays, and lets
// stand what this purge must not.
func (t *Tags) renewTokens(ctx context.Context, tags []string, seq uint64) (passed bool, err error) {
	keys, fresh, tokens := make([]string, len(tags)), make([]Token, len(tags)), make([][]byte, len(tags))
	for i, tag := range tags {
		keys[i], fresh[i] = t.key(tag), newToken(seq)
		tokens[i] = fresh[i].encode()
	}
	if err = t.renewKeys(ctx, keys, fresh, tokens); err != nil {
		return false, err
	}
	raws, err := getMany(ctx, t.store, keys)
	if err != nil {
		return false, err
	}
	for i, raw := range raws {
		passed = passed || fresh[i].passedBy(decodeToken(raw))
	}
	return passed, nil
}

func (t *Tags) renewKeys(ctx context.Context, keys []string, fresh []Token, tokens [][]byte) error {
	if renewer, ok := t.store.(Renewer); ok {
		return renewer.Renew(ctx, keys, tokens, tokenTTL)
	}
	for i, key := range keys {
		if err := t.renew(ctx, key, fresh[i]); err != nil {
			return err
		}
	}
	return nil
}

// purgeByDelete is what is left when tokens cannot be written, because the
// store is out of memory for example: a token that is missing is invalid too.
func (t *Tags) purgeByDelete(ctx context.Context, tags []string, cause error) error {
	keys := make([]string, len(tags))
	for i, tag := range tags {
		keys[i] = t.key(tag)
	}
	if _, err := t.store.Delete(ctx, keys...); err != nil {
		return fmt.Errorf("cache: purge of %d tags: %w", len(tags), errors.Join(cause, err))
	}
	t.log.WarnContext(ctx, "cache: tags purged by deleting their tokens", "tags", len(tags), "error", cause)
	return errDeleted
}

// errDeleted is a purge that has taken effect, but was not counted: what began
// before it may make the tokens anew and be stored under them.
var errDeleted = errors.New("cache: tokens deleted instead of renewed")

// heard is err where that much is good enough.
func heard(err error) error {
	if errors.Is(err, errDeleted) {
		return nil
	}
	return err
}

// renew writes token unless a later purge already did. Taking an older token
// over a later one would let fills pass that began between the two.
func (t *Tags) renew(ctx context.Context, key string, token Token) error {
	swapper, ok := t.store.(Swapper)
	if !ok {
		_, err := t.store.Set(ctx, key, token.encode(), tokenTTL, Always)
		return err
	}
	for range 16 {
		old, found, err := t.store.Get(ctx, key)
		if err != nil {
			return err
		}
		if found && decodeToken(old).Seq > token.Seq {
			return nil
		}
		var done bool
		if found {
			done, err = swapper.Swap(ctx, key, old, token.encode(), tokenTTL)
		} else {
			done, err = t.store.Set(ctx, key, token.encode(), tokenTTL, IfAbsent)
		}
		if err != nil || done {
			return err
		}
	}
	_, err := t.store.Delete(ctx, key) // as good: everybody misses
	return err
}
