package pagecache

import (
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// entry is a stored answer, or the list of variants of a URL. It is immutable
// but for the fields that are computed anew every second, and shared by all
// who serve it.
type entry struct {
	status  int
	header  http.Header // replayed on every hit
	body    []byte
	etag    string
	lastMod time.Time
	lmText  string        // Last-Modified
	dated   bool          // the answer has a Date of its own
	born    time.Time     // when the answer was made, its initial age taken off
	render  time.Duration // what the handler took
	changed seen          // changes of its URL before it was made, for stores inside the process
	round   atomic.Uint64 // of all changes when those were last looked at, plus one
	made    bool          // the validator is ours: the handler does not know it
	codable bool          // another coding can be made of it
	lifespan

	// For a list of variants: the request headers that select one, and the
	// keys of those stored so far.
	fields   []string
	sets     [][]string // of names by whose values they vary too; empty is one of them
	variants []string

	pairs []cache.Pair // the values that it was made for; for those who wait for it

	// What hits send, prepared so that they allocate nothing.
	lines  []line
	length []string  // Content-Length
	date   []string  // Date, if it has one
	vary   []string  // Vary
	texts  [2]string // room for length and our validator
	second atomic.Pointer[secondly]
	coded  *coded // the other coding, nil if there is none
	plain  form

	live *liveParts // its holes, nil if it has none
}

// line is a header field in the form in which it is sent.
type line struct {
	name   string
	values []string
}

// isIndex reports a list of variants.
func (e *entry) isIndex() bool { return e.status == 0 }

// size is about the memory of the entry in bytes.
func (e *entry) size() int {
	size := 1152 + len(e.body) + len(e.etag) + e.live.size()
	if e.coded != nil {
		size += 768 + len(e.coded.body)
	}
	for name, values := range e.header {
		size += 104 + len(name)
		for _, v := range values {
			size += 16 + len(v)
		}
	}
	for _, set := range e.sets {
		size += sizeOfTexts(set)
	}
	return size + sizeOfTexts(e.fields) + sizeOfTexts(e.variants)
}

func sizeOfTexts(list []string) (size int) {
	for _, s := range list {
		size += 16 + len(s)
	}
	return size
}

// complete fills in what follows from the rest.
func (e *entry) complete() *entry {
	if e.isIndex() {
		return e
	}
	e.etag = first(e.header["Etag"])
	e.lastMod, _ = parseDate(e.header["Last-Modified"])
	if bodyAllowed(e.status) {
		e.texts[0] = strconv.Itoa(len(e.body))
		e.length = e.texts[:1:1]
	}
	if e.coded != nil {
		e.coded.etag = []string{codedTag(e.etag, e.coded.name[0])}
	}
	e.lmText = first(e.header["Last-Modified"])
	e.date, e.dated = e.header["Date"], len(e.header["Date"]) > 0
	e.vary = slices.Clip(e.header["Vary"])
	if e.codable {
		e.vary = slices.Clip(append(e.vary, "Accept-Encoding"))
	}
	e.lines = make([]line, 0, len(e.header)+3) // with room for what prepare adds
	for name, values := range e.header {
		if name != "Date" && name != "Vary" && name != "Cache-Status" {
			e.lines = append(e.lines, line{name, slices.Clip(values)})
		}
	}
	if _, set := e.header["Content-Type"]; !set && len(e.body) > 0 {
		e.lines = append(e.lines, line{"Content-Type", nil}) // else net/http would guess one
	}
	e.prepare()
	return e
}

// secondly are the header values that change with the age.
type secondly struct {
	age    int64
	values [3][]string // Age, Cache-Status, Server-Timing
	date   []string
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

func sortedNames(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
