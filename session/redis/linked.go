package redis

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/session"
)

// linked keeps sessions behind Sentinel or in a Cluster, under the keys of Store.
// Every command is about one key.
type linked struct {
	link   *redisconn.Link
	prefix string
	guard  guard
}

// Fetch implements session.Store. It is one round trip.
func (s *linked) Fetch(ctx context.Context, key string) (rec session.Record, found bool, err error) {
	err = s.guard.call(ctx, "fetch", func(ctx context.Context) error {
		return s.link.Read(ctx, "fetch", func(ctx context.Context, c rueidis.Client) error {
			records, err := fetch(ctx, c, []string{s.prefix + key})
			if err == nil && records[0] != nil {
				rec, found = *records[0], true
			}
			return err
		})
	})
	return rec, found, err
}

// probe asks as Fetch does, when the link is connected.
func (s *linked) probe(ctx context.Context, patience time.Duration) error {
	if err := s.link.Ping(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.link.Read(ctx, "probe", func(ctx context.Context, c rueidis.Client) error {
		_, err := fetch(ctx, c, []string{s.prefix + probed})
		return err
	})
	if answered(err) {
		return nil
	}
	return err
}

// Insert implements session.Store.
func (s *linked) Insert(ctx context.Context, key string, rec session.Record) (inserted bool, err error) {
	if rec.Owner.User != "" {
		return insertOwned(ctx, s, key, rec)
	}
	return s.plain(ctx, key, rec)
}

func (s *linked) plain(ctx context.Context, key string, rec session.Record) (inserted bool, err error) {
	return s.changed(ctx, "insert", func(b rueidis.Builder) rueidis.Completed {
		return b.Set().Key(s.prefix + key).Value(string(rec.Data)).Nx().PxMilliseconds(millis(rec.Expiry)).Build()
	})
}

// Put is that of Store.
func (s *linked) Put(ctx context.Context, key string, rec session.Record) error {
	_, err := s.changed(ctx, "put", func(b rueidis.Builder) rueidis.Completed {
		return b.Set().Key(s.prefix + key).Value(string(rec.Data)).PxMilliseconds(millis(rec.Expiry)).Build()
	})
	return err
}

// Update implements session.Store.
func (s *linked) Update(ctx context.Context, key string, rec session.Record) (updated bool, err error) {
	if err := prolong(ctx, s, key, rec.Owner); err != nil {
		return false, err
	}
	return s.changed(ctx, "update", func(b rueidis.Builder) rueidis.Completed {
		if rec.Data == nil {
			return b.Pexpire().Key(s.prefix + key).Milliseconds(millis(rec.Expiry)).Build()
		}
		return b.Set().Key(s.prefix + key).Value(string(rec.Data)).Xx().PxMilliseconds(millis(rec.Expiry)).Build()
	})
}

// Swap implements session.Swapper.
func (s *linked) Swap(ctx context.Context, key string, old []byte, rec session.Record) (swapped bool, err error) {
	if err := prolong(ctx, s, key, rec.Owner); err != nil {
		return false, err
	}
	return s.changed(ctx, "swap", func(b rueidis.Builder) rueidis.Completed {
		return b.Eval().Script(swapScript).Numkeys(1).Key(s.prefix+key).
			Arg(string(old), string(rec.Data), strconv.FormatInt(millis(rec.Expiry), 10)).Build()
	})
}

// Remove implements session.Store.
func (s *linked) Remove(ctx context.Context, key string) (removed bool, err error) {
	return s.changed(ctx, "remove", func(b rueidis.Builder) rueidis.Completed {
		return b.Del().Key(s.prefix + key).Build()
	})
}

// changed sends one command and reports whether it had something to change.
func (s *linked) changed(ctx context.Context, op string, command func(rueidis.Builder) rueidis.Completed) (done bool, err error) {
	err = s.guard.call(ctx, op, func(ctx context.Context) error {
		return s.link.Write(ctx, op, func(ctx context.Context, c rueidis.Client) error {
			done, err = affected(c.Do(ctx, command(c.B())).ToMessage())
			return err
		})
	})
	return done && err == nil, err
}

// affected reports what an answer says: OK or 1, not nil or 0.
func affected(answer rueidis.RedisMessage, err error) (bool, error) {
	switch {
	case rueidis.IsRedisNil(err):
		return false, nil
	case err == nil && answer.IsInt64():
		n, err := answer.AsInt64()
		return n > 0, err
	}
	return err == nil, err
}

// errMoved ends an iteration over a Cluster that changes.
var errMoved = errors.New("the cluster changed while its sessions were listed: list them again")

// Each implements session.Lister, by SCAN on every primary. It ends with an error
// if slots have moved meanwhile: sessions may have moved past it.
func (s *linked) Each(ctx context.Context) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		before, err := s.link.Primaries(ctx)
		for _, addr := range slices.Sorted(maps.Keys(before)) {
			var cursor uint64
			for more := err == nil; more; more = cursor != 0 {
				var page []session.Entry
				if cursor, page, err = s.page(ctx, addr, cursor); err != nil {
					break
				}
				for _, entry := range page {
					if !yield(entry, nil) {
						return
					}
				}
			}
		}
		if err == nil {
			var after map[string]string
			if after, err = s.link.Primaries(ctx); err == nil && !maps.Equal(before, after) {
				err = errMoved
			}
		}
		if err != nil {
			yield(session.Entry{}, failed("list", err))
		}
	}
}

// page reads the sessions that one SCAN at one server finds.
func (s *linked) page(ctx context.Context, addr string, cursor uint64) (next uint64, page []session.Entry, err error) {
	err = s.link.ReadAt(ctx, addr, "list", func(ctx context.Context, c rueidis.Client) error {
		found, err := c.Do(ctx, c.B().Scan().Cursor(cursor).Match(literal(s.prefix)+"*").Count(scanCount).Build()).AsScanEntry()
		if err != nil {
			return err
		}
		next = found.Cursor
		records, err := fetch(ctx, c, found.Elements)
		page = page[:0]
		for i, rec := range records {
			if rec != nil {
				page = append(page, session.Entry{Key: strings.TrimPrefix(found.Elements[i], s.prefix), Record: *rec})
			}
		}
		return err
	})
	return next, page, err
}

// fetch reads values and lifetimes in one round trip. What is absent is nil.
func fetch(ctx context.Context, c rueidis.Client, keys []string) ([]*session.Record, error) {
	commands := make([]rueidis.Completed, 0, 2*len(keys))
	for _, key := range keys {
		commands = append(commands, c.B().Get().Key(key).Build(), c.B().Pttl().Key(key).Build())
	}
	if len(commands) == 0 {
		return nil, nil
	}
	results := c.DoMulti(ctx, commands...)
	now := time.Now()
	records := make([]*session.Record, len(keys))
	for i := range keys {
		data, err := results[2*i].AsBytes()
		if rueidis.IsRedisNil(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		left, err := results[2*i+1].AsInt64()
		if err != nil {
			return nil, err
		}
		records[i] = alive(data, left, now)
	}
	return records, nil
}

// Ping implements Sessions.
// It asks whatever is known.
func (s *linked) Ping(ctx context.Context) error { return failed("ping", s.link.Ping(ctx)) }

// Close implements Sessions.
func (s *linked) Close() error {
	s.guard.Close()
	return s.link.Close()
}
