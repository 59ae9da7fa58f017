package fragment

import (
	"html/template"
	"text/template/parse"
	"time"

	"github.com/echoic-go/echoic/cache/live"
)

// For tests of what has no effect of its own to look at.
var (
	ParseTTL   = parseTTL
	EncodeVary = func(vary ...any) ([]byte, error) { return encodeVary(nil, "test", vary) }
	Canonical  = func(n parse.Node) string { return string(canonical(n)) }
)

// DecodeEntry and EncodeEntry read and write what stores keep of a fragment.
func DecodeEntry(b []byte) (text live.Text, fresh time.Time, err error) {
	e, err := decodeEntry(b)
	return e.Text, e.fresh, err
}

func EncodeEntry(text live.Text, fresh time.Time) ([]byte, error) {
	return entry{Text: text, fresh: fresh}.encode()
}

// BlockDigests returns the digests of the blocks of a set, in order.
func BlockDigests(set *template.Template) ([]string, error) {
	c, err := compile(set, nil, nil)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, b := range c.blocks {
		out = append(out, b.digest)
	}
	return out, nil
}

// Warm makes an instance and has html/template escape the named pages.
func (r *Renderer) Warm(names ...string) (any, error) {
	s := r.current.Load().byName[names[0]]
	in, _, err := s.take(r.funcs)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if in.set.Lookup(name) == nil {
			continue
		}
		_ = in.set.ExecuteTemplate(brokenWriter{}, name, nil)
	}
	return in, nil
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, ErrNoTemplate }
