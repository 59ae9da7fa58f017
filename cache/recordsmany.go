package cache

import "context"

// GetMany is Get for many keys, in one round trip, and one more for tokens of
// tags that this process does not hold. recs and found are in the order of keys.
// Records that are not found are for [Records.Open], each.
func (r *Records[T]) GetMany(ctx context.Context, keys []Key) (recs []Record[T], found []bool, err error) {
	recs, found = make([]Record[T], len(keys)), make([]bool, len(keys))
	if err := r.c.open(); err != nil {
		return recs, found, err
	}
	rest := make([]int, 0, len(keys))
	for i, key := range keys {
		if r.objects != nil {
			if recs[i], found[i], err = r.getObject(ctx, key); err != nil {
				return recs, make([]bool, len(keys)), r.c.verdict(ctx, "get records", err)
			}
		} else if recs[i], found[i] = r.getNear(ctx, key); !found[i] {
			rest = append(rest, i)
		}
	}
	if len(rest) > 0 {
		err = r.getManyBytes(ctx, keys, rest, recs, found)
	}
	for i := range found {
		if found[i] = found[i] && err == nil && matches(ctx, recs[i].Deps.Vary); !found[i] {
			recs[i] = Record[T]{ticket: recs[i].ticket}
		}
		r.c.hit(found[i])
	}
	return recs, found, r.c.verdict(ctx, "get records", err)
}

// getManyBytes is getBytes for the keys whose places are in rest.
func (r *Records[T]) getManyBytes(ctx context.Context, keys []Key, rest []int, recs []Record[T], found []bool) error {
	bases := make([]string, len(rest))
	for n, i := range rest {
		bases[n] = keys[i].base(r.c.cfg.Prefix, r.cfg.Kind)
	}
	got, err := r.c.read(ctx, &r.c.records, bases...)
	if err != nil {
		return err
	}
	envs := make([]*envelope, len(rest))
	var tags []TagToken
	for n, i := range rest {
		recs[i].ticket = got.ticket
		if got.raws[n] == nil {
			continue
		}
		if env, ok := r.unframe(ctx, got, n, bases[n], keys[i]); ok {
			envs[n], tags = &env, append(tags, env.deps.Tags...)
		}
	}
	tokens, err := r.c.tags.tokens(ctx, tags)
	if err != nil {
		return err
	}
	for n, i := range rest {
		if envs[n] == nil {
			continue
		}
		valid := true
		for _, tag := range envs[n].deps.Tags {
			valid = valid && !tag.Token.IsZero() && tag.Token == tokens[0]
			tokens = tokens[1:]
		}
		found[i] = valid && r.decode(ctx, got, n, bases[n], keys[i], *envs[n], &recs[i])
	}
	return nil
}
