package redis

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/redis/rueidis"
)

// scanCount is about how many keys the server looks at for one SCAN: some
// hundred microseconds, in which it does nothing else.
const scanCount = 1000

// globEscaper makes a literal of what SCAN takes for a pattern.
var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// Keys implements cache.Lister, by SCAN on every primary.
func (s *Store) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		nodes, err := s.primaries(ctx)
		for _, node := range nodes {
			if err != nil {
				break
			}
			err = s.scan(ctx, node, s.prefix+prefix, func(key string) bool {
				return yield(strings.TrimPrefix(key, s.prefix), nil)
			})
		}
		if err != nil && !errors.Is(err, errLeft) {
			yield("", failure(err))
		}
	}
}

// errLeft says that the iteration was left by its user.
var errLeft = errors.New("redis: the iteration was left")

// anyNode stands for the one server there is; its link finds the way.
const anyNode = ""

// primaries returns the addresses of the servers that hold the keys.
func (s *Store) primaries(ctx context.Context) (addrs []string, err error) {
	if !s.spread {
		return []string{anyNode}, nil
	}
	err = s.link.Read(ctx, "role", func(ctx context.Context, c rueidis.Client) error {
		addrs = nil
		for addr, node := range c.Nodes() {
			role, err := node.Do(ctx, node.B().Role().Build()).ToArray()
			if err != nil {
				return err
			}
			if name, err := role[0].ToString(); err == nil && name == "master" {
				addrs = append(addrs, addr)
			}
		}
		return nil
	})
	return addrs, err
}

// scan gives the keys of one server that start with prefix to use, until that
// returns false.
func (s *Store) scan(ctx context.Context, addr, prefix string, use func(key string) bool) error {
	var entry rueidis.ScanEntry
	pattern := globEscaper.Replace(prefix) + "*"
	for {
		err := s.link.Read(ctx, "scan", func(ctx context.Context, c rueidis.Client) (err error) {
			if addr != anyNode {
				node, ok := c.Nodes()[addr]
				if !ok {
					return errors.New("redis: the cluster changed while its keys were listed")
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
	}
}
