package pagecache

import (
	"maps"
	"net/http"
	"slices"
)

// snapshot is a header as it was at one moment. A list takes a tenth of the time of
// a copy of the map, and one that is looked through is fast enough for what a
// response has in fields.
type snapshot []line

// snapshotOf shares the slices with h; their ends are clipped, so that appending to
// one does not write into the other.
func snapshotOf(h http.Header) snapshot {
	s := make(snapshot, 0, len(h)) // not nil, which is no snapshot
	for name, values := range h {
		s = append(s, line{name, slices.Clip(values)})
	}
	return s
}

// of returns the lines of a field, nil if it was not there.
func (s snapshot) of(name string) []string {
	for i := range s {
		if s[i].name == name {
			return s[i].values
		}
	}
	return nil
}

// is reports whether nothing was changed since: most handlers change nothing after
// the status, and looking costs less than copying.
func (s snapshot) is(h http.Header) bool {
	if len(h) != len(s) {
		return false
	}
	for i := range s {
		now, there := h[s[i].name]
		values := s[i].values
		if !there || len(now) != len(values) || len(now) > 0 && &now[0] != &values[0] {
			return false
		}
	}
	return true
}

// restore makes h what it was.
func (s snapshot) restore(h http.Header) {
	clear(h)
	for i := range s {
		h[s[i].name] = s[i].values
	}
}

// cloneHeader copies the map; the slices are shared as those of a snapshot are.
func cloneHeader(h http.Header) http.Header {
	c := maps.Clone(h)
	for name, values := range c {
		c[name] = slices.Clip(values)
	}
	return c
}
