package templfragment

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

// document is a page or fragment that is being written. Where a component wants
// a string, an attribute for example, a word stands for a hole until the document
// knows where it came out. A word is random, so that nothing else can be taken for
// one, and is never kept.
type document struct {
	f      *fragment.Fragments
	scope  *cache.Scope // what it is made for
	outer  *document
	prefix string // of its words

	mu    sync.Mutex
	names []string // of holes, by the number in the word
}

type documentKey struct{}

func documentOf(ctx context.Context) *document {
	d, _ := ctx.Value(documentKey{}).(*document)
	return d
}

const (
	digits   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	maxWords = len(digits) * len(digits) // more than a set of holes can have
)

// reason is what explanations say of a page with a hole that nobody can place.
const reason = "hole in an unknown place"

// word returns the word for a hole. It is false for one hole too many.
func (d *document) word(name string) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	number := len(d.names)
	for i, known := range d.names {
		if known == name {
			number = i
		}
	}
	switch {
	case number == maxWords:
		return "", false
	case number == len(d.names):
		d.names = append(d.names, name)
	}
	return d.prefix + string([]byte{digits[number/len(digits)], digits[number%len(digits)]}), true
}

// hole is the opposite of word: it returns the name of the hole whose word begins
// with the prefix and goes on with b, and how much of b belongs to it.
func (d *document) hole(b []byte) (name string, size int, ok bool) {
	if len(b) < 2 {
		return "", 0, false
	}
	tens, ones := strings.IndexByte(digits, b[0]), strings.IndexByte(digits, b[1])
	d.mu.Lock()
	defer d.mu.Unlock()
	number := tens*len(digits) + ones
	if tens < 0 || ones < 0 || number >= len(d.names) {
		return "", 0, false
	}
	return d.names[number], 2, true
}

// writeDocument renders a component to w, the writer of a body of Fragments.
func writeDocument(ctx context.Context, w io.Writer, f *fragment.Fragments, c templ.Component) error {
	d := &document{f: f, scope: cache.ScopeOf(ctx), outer: documentOf(ctx), prefix: "hole" + rand.Text()}
	ctx = context.WithValue(ownPage(ctx), documentKey{}, d)
	if name, ok := nonceOf(ctx); ok {
		word, _ := d.word(name) // the first
		ctx = templ.WithNonce(ctx, word)
	}
	p := &placer{ctx: ctx, d: d, to: w}
	b, _ := templruntime.GetBuffer(p)
	err := c.Render(ctx, b)
	err = errors.Join(err, templruntime.ReleaseBuffer(b))
	p.Flush()
	return errors.Join(err, p.err)
}

// placer writes a document, with values in the place of words.
type placer struct {
	ctx     context.Context
	d       *document
	to      io.Writer
	pending bytes.Buffer
	err     error // the first
}

// Write keeps the bytes: a word may come in parts.
func (p *placer) Write(b []byte) (int, error) { return p.pending.Write(b) }

// Flush writes what is there, before the value of a hole is written, for example.
// It is what templ calls of the writer below its own.
func (p *placer) Flush() {
	rest := p.pending.Bytes()
	for o := p.d.outer; o != nil; o = o.outer {
		if bytes.Contains(rest, []byte(o.prefix)) { // made outside, written here
			cache.Private(p.ctx, reason)
		}
	}
	for p.err == nil && len(rest) > 0 {
		text, behind, found := bytes.Cut(rest, []byte(p.d.prefix))
		if _, p.err = p.to.Write(text); !found || p.err != nil {
			break
		}
		rest = behind
		name, size, ok := p.d.hole(rest)
		if !ok { // somebody cut the word
			cache.Private(p.ctx, reason)
			continue
		}
		rest = rest[size:]
		p.err = p.d.f.Token(p.ctx, p.to, name)
	}
	p.pending.Reset()
}
