package failover

import "strings"

// kind is what a key is of, by the layout of package cache.
type kind byte

const (
	other   kind = iota
	value        // "<version>:v:<name>@<generation>"
	page         // "p:…", "f:…"
	control      // "t:…": tokens, generations, the counter of purges
	lock         // "l:…": locks and leases
)

// kindOf tells keys under the prefix by what follows it. Keys of other caches,
// whose prefix is not known, are told by the first part that looks like one.
func kindOf(prefix, key string) kind {
	if len(key) > len(prefix) && key[len(prefix)] == ':' && strings.HasPrefix(key, prefix) {
		return kindOfRest(key[len(prefix)+1:])
	}
	for rest := key; ; {
		i := strings.IndexByte(rest, ':')
		if i < 0 {
			return other
		}
		rest = rest[i+1:]
		if k := kindOfRest(rest); k != other {
			return k
		}
	}
}

func kindOfRest(rest string) kind {
	if len(rest) < 2 {
		return other
	}
	if rest[1] == ':' {
		switch rest[0] {
		case 'p', 'f':
			return page
		case 't':
			return control
		case 'l':
			return lock
		}
	}
	i := 0
	for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
		i++
	}
	if i > 0 && strings.HasPrefix(rest[i:], ":v:") {
		return value
	}
	return other
}

// baseOf is a key without its generation, which is how an invalidation names it.
func baseOf(key string) string {
	if i := strings.LastIndexByte(key, '@'); i >= 0 {
		return key[:i]
	}
	return key
}
