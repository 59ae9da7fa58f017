package pagecache

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
)

// Codings for [Config.Coding].
const (
	Gzip     = "gzip"
	Brotli   = "br"
	Identity = "identity"
)

// coded is a stored body in another coding than identity.
type coded struct {
	body   []byte
	name   []string // Content-Encoding
	etag   []string
	length []string
	form   form
}

// minCoded is the shortest body that is worth a coding.
const minCoded = 1024

// canCode reports whether another coding of the entry may be kept beside it: a
// text of some length that nobody has coded yet, or varies by coding, or forbids
// to change.
func (p *Pages) canCode(e *entry) bool {
	if p.cfg.Coding == Identity || p.cfg.Strict || e.status != http.StatusOK || len(e.body) < minCoded || e.header.Get("Etag") == "" {
		return false
	}
	if len(e.header["Content-Encoding"]) > 0 || variesByCoding(e.header["Vary"]) || parseDirectives(e.header["Cache-Control"]).noTransform {
		return false
	}
	return isText(mediaType(e.header))
}

func isText(kind string) bool {
	switch kind {
	case "application/json", "application/javascript", "application/xml", "application/wasm", "image/svg+xml":
		return true
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
}

// code chooses the coded body for a client that takes it. Ranges are cut from
// the plain one. Where there is none yet it is made for the next client.
func (x *exchange) code(h http.Header, e *entry, s *sendable) {
	if len(x.r.Header["Range"]) > 0 || !acceptsCoding(x.r.Header["Accept-Encoding"], x.p.cfg.Coding) {
		return
	}
	c := e.coded
	if c == nil || c.name[0] != x.p.cfg.Coding {
		x.codeLater(e)
		return
	}
	h["Content-Encoding"], h["Etag"] = c.name, c.etag
	s.body, s.etag, s.length = c.body, c.etag[0], c.length
}

// acceptsCoding reports whether a client takes the coding at least as gladly as
// none (RFC 9110, section 12.5.3).
func acceptsCoding(lines []string, coding string) bool {
	wanted, identity, rest := -1, -1, -1
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, coding), coding == Gzip && strings.EqualFold(name, "x-gzip"):
				wanted = max(wanted, quality(params))
			case strings.EqualFold(name, Identity):
				identity = quality(params)
			case name == "*":
				rest = quality(params)
			}
		}
	}
	if wanted < 0 {
		wanted = rest
	}
	return wanted > 0 && wanted >= identity
}

// codeLater makes the coded body in the background, and stores the entry again
// with both, unless it has been replaced meanwhile.
func (x *exchange) codeLater(e *entry) {
	key := "coding " + stringsOf(x.at)
	fl := x.p.flights.lead(key)
	if fl == nil {
		return
	}
	x.known = true
	y := &exchange{p: x.p, r: x.r, route: x.route, key: x.key, at: x.at, found: x.found}
	if !x.p.work.start(x.p.cfg.RefreshTimeout, func(ctx context.Context) {
		defer x.p.flights.land(fl, nil, false)
		y.storeCoded(ctx, e)
	}) {
		x.p.flights.land(fl, nil, false)
	}
}

func (x *exchange) storeCoded(ctx context.Context, e *entry) {
	body := encodeBody(e.body, x.p.cfg.Coding)
	both := e.with(body, x.p.cfg.Coding)
	rec, found, err := x.p.records.Get(ctx, x.at)
	if err != nil || !found || rec.Value.etag != e.etag || !rec.Value.born.Equal(e.born) {
		return
	}
	x.ticket(ctx)
	_, scope := x.p.records.Open(cacheless(ctx), x.missed)
	scope.Merge(rec.Deps)
	if _, _, err := x.p.records.Put(ctx, x.at, both, scope, e.keep-ageOf(e, x.p.cfg.Now())); err != nil {
		x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
	}
}

// with returns the entry with a coded body beside the plain one. One that saves
// next to nothing is not worth it.
func (e *entry) with(body []byte, coding string) *entry {
	both := &entry{
		status: e.status, header: e.header, body: e.body, born: e.born, render: e.render, made: e.made, changed: e.changed,
		codable: e.codable, lifespan: e.lifespan,
	}
	if len(body) > len(e.body)*9/10 {
		both.codable = false
	} else {
		both.coded = newCoded(body, coding)
	}
	return both.complete()
}

func newCoded(body []byte, coding string) *coded {
	return &coded{body: body, name: []string{coding}, length: []string{lengthOf(body)}}
}

// codedTag is the validator of a body in another coding: other bytes, another tag
// (RFC 9110, section 8.8.3.3).
func codedTag(etag, coding string) string {
	suffix := "-gz"
	if coding != Gzip {
		suffix = "-" + coding
	}
	if !strings.HasSuffix(etag, `"`) {
		return etag + suffix
	}
	return etag[:len(etag)-1] + suffix + `"`
}

func encodeBody(body []byte, coding string) []byte {
	var out bytes.Buffer
	var w io.WriteCloser
	if coding == Brotli {
		w = brotli.NewWriterLevel(&out, 6)
	} else {
		w = gzip.NewWriter(&out)
	}
	// A buffer takes everything.
	_, _ = w.Write(body)
	_ = w.Close()
	return bytes.Clone(out.Bytes())
}

func (c *coded) size() int {
	if c == nil {
		return 0
	}
	return len(c.body)
}

// append writes what reader.coded reads.
func (c *coded) append(b []byte) []byte {
	if c == nil {
		return appendText(b, "")
	}
	b = appendText(b, c.name[0])
	return appendText(b, string(c.body))
}

func (r *reader) coded() *coded {
	switch coding := r.text(); coding {
	case "":
		return nil
	case Gzip, Brotli:
		return newCoded([]byte(r.text()), coding)
	}
	r.fail()
	return nil
}
