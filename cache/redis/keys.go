package redis

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/redis/rueidis"
)

// scanCount is about how many keys the server looks at for one SCAN: some
// hundred microseconds, in which it does nothing else.
const scanCount = 1000

// globEscaper makes a literal of what SCAN takes for a pattern.
var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// Keys implements cache.Lister, by SCAN on every primary. On a Cluster that
// changes meanwhile the iteration ends with an error that wraps
// cache.ErrDegraded: keys may have moved past it.
func (s *Store) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		use := func(key string) bool { return yield(strings.TrimPrefix(key, s.prefix), nil) }
		var err error
		if s.spread {
			err = s.scanAll(ctx, s.prefix+prefix, use)
		} else {
			err = s.scan(ctx, anyNode, s.prefix+prefix, use)
		}
		if err != nil && !errors.Is(err, errLeft) {
			yield("", err)
		}
	}
}

var (
	// errLeft says that the iteration was left by its user.
	errLeft = errors.New("redis: the iteration was left")
	// errMoved is what ends an iteration over a Cluster.
	errMoved = errors.New("the cluster changed while its keys were listed")
)

// anyNode stands for the one server there is; its link finds the way.
const anyNode = ""

// scanAll gives the keys of all primaries to use, until that returns false.
func (s *Store) scanAll(ctx context.Context, prefix string, use func(key string) bool) error {
	before, err := s.primaries(ctx)
	if err != nil {
		return err
	}
	for _, addr := range slices.Sorted(maps.Keys(before)) {
		if err := s.scan(ctx, addr, prefix, use); err != nil {
			return err
		}
	}
	switch after, err := s.primaries(ctx); {
	case err != nil:
		return err
	case !maps.Equal(before, after):
		return s.failure("scan", errMoved)
	}
	return nil
}

// scan gives the keys of one server that start with prefix to use, until that
// returns false.
func (s *Store) scan(ctx context.Context, addr, prefix string, use func(key string) bool) error {
	var entry rueidis.ScanEntry
	pattern := globEscaper.Replace(prefix) + "*"
	for {
		err := s.read(ctx, "scan", func(ctx context.Context, c rueidis.Client) (err error) {
			if addr != anyNode {
				node, ok := c.Nodes()[addr]
				if !ok {
					return errMoved
				}
				c = node
			}
			next, err := c.Do(ctx, c.B().Scan().Cursor(entry.Cursor).Match(pattern).Count(scanCount).Build()).AsScanEntry()
			if err == nil {
				entry = next
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, key := range entry.Elements {
			if !use(key) {
				return errLeft
			}
		}
		if entry.Cursor == 0 {
			return nil
		}
		if impatient(ctx) {
			return errPatience
		}
	}
}
