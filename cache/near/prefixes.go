package near

import (
	"fmt"
	"slices"
	"strings"
)

// trackedParts are what the keys of a cache go on with, behind its prefix, that
// a tier holds: pages, fragments, tokens and generations, and plain values of
// any version. Locks and leases are not among them: nobody holds them, and they
// change all the time.
var trackedParts = [...]string{":p:", ":f:", ":t:", ":0", ":1", ":2", ":3", ":4", ":5", ":6", ":7", ":8", ":9"}

// trackingOptions are the options of CLIENT TRACKING ON for caches with these
// prefixes, whose keys have link in front. Redis refuses prefixes of which one
// is the beginning of another.
func trackingOptions(link string, prefixes []string) ([]string, error) {
	type literal struct{ text, cache string }
	var all []literal
	for _, prefix := range slices.Compact(slices.Sorted(slices.Values(prefixes))) {
		if prefix == "" {
			return nil, fmt.Errorf("near: TrackConfig.Prefixes %q has an empty one: name the prefixes of the caches", prefixes)
		}
		for _, part := range trackedParts {
			all = append(all, literal{link + prefix + part, prefix})
		}
	}
	slices.SortFunc(all, func(a, b literal) int { return strings.Compare(a.text, b.text) })
	options := []string{"BCAST"}
	for i, l := range all {
		// The beginning of any text sorts right before the texts it begins.
		if i > 0 && strings.HasPrefix(l.text, all[i-1].text) {
			return nil, fmt.Errorf("near: TrackConfig.Prefixes: the keys of %q look like those of %q (%q begins with %q): rename one of the two caches", l.cache, all[i-1].cache, l.text, all[i-1].text)
		}
		options = append(options, "PREFIX", l.text)
	}
	return options, nil
}
