package redis

import (
	"context"
	"iter"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/session"
)

// Stamp implements session.Indexer.
func (s *linked) Stamp(ctx context.Context, user string) (since int64, err error) {
	return s.run(ctx, "stamp", stampScript, s.userKey(user))
}

// Owned implements session.Indexer.
func (s *linked) Owned(ctx context.Context, user string) iter.Seq2[session.Entry, error] {
	return owned(ctx, s, user)
}

// Revoke implements session.Indexer.
func (s *linked) Revoke(ctx context.Context, r session.Revocation) (since int64, err error) {
	return revoke(ctx, s, r)
}

func (s *linked) userKey(user string) string { return indexKey(s.prefix, user) }

func (s *linked) run(ctx context.Context, op, script, key string, args ...any) (n int64, err error) {
	texts := make([]string, len(args))
	for i, arg := range args {
		texts[i] = text(arg)
	}
	err = s.guard.call(ctx, op, func(ctx context.Context) error {
		return s.link.Write(ctx, op, func(ctx context.Context, c rueidis.Client) (err error) {
			n, err = c.Do(ctx, c.B().Eval().Script(script).Numkeys(1).Key(key).Arg(texts...).Build()).AsInt64()
			return err
		})
	})
	return n, err
}

func (s *linked) fields(ctx context.Context, key string) (fields map[string]string, err error) {
	err = s.link.Read(ctx, "list", func(ctx context.Context, c rueidis.Client) (err error) {
		fields, err = c.Do(ctx, c.B().Hgetall().Key(key).Build()).AsStrMap()
		return err
	})
	return fields, failed("list", err)
}

func (s *linked) several(ctx context.Context, keys []string) (records []*session.Record, err error) {
	full := make([]string, len(keys))
	for i, key := range keys {
		full[i] = s.prefix + key
	}
	err = s.link.Read(ctx, "list", func(ctx context.Context, c rueidis.Client) (err error) {
		records, err = fetch(ctx, c, full)
		return err
	})
	return records, failed("list", err)
}
