package cache

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Default is the name of the cache that is used where no other is named.
const Default = "default"

// Caches are named caches, each with a store, prefix and time to live of its
// own. It is safe for concurrent use.
type Caches struct{ byName map[string]*Cache }

// NewCaches makes a set of caches. It must hold one named "default".
func NewCaches(byName map[string]*Cache) (*Caches, error) {
	for name, c := range byName {
		if c == nil {
			return nil, fmt.Errorf("cache: cache %q is nil", name)
		}
	}
	if byName[Default] == nil {
		return nil, fmt.Errorf("cache: no cache named %q among %s: it is used where no name is given", Default, names(byName))
	}
	return &Caches{byName: maps.Clone(byName)}, nil
}

// Get returns the cache of that name. An unknown name is an error that lists
// the known ones and wraps [ErrUnknownCache].
func (c *Caches) Get(name string) (*Cache, error) {
	if found := c.byName[name]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("%w %q: known are %s", ErrUnknownCache, name, names(c.byName))
}

// Default returns the cache named "default".
func (c *Caches) Default() *Cache { return c.byName[Default] }

// Names returns all names, sorted.
func (c *Caches) Names() []string { return slices.Sorted(maps.Keys(c.byName)) }

func names(byName map[string]*Cache) string {
	sorted := slices.Sorted(maps.Keys(byName))
	for i := range sorted {
		sorted[i] = fmt.Sprintf("%q", sorted[i])
	}
	return strings.Join(sorted, ", ")
}
