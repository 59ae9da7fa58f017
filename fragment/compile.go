package fragment

import (
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"text/template/parse"
	"time"

	"github.com/echoic-go/echoic/cache/live"
)

// block is a {{if cache}} or {{if cacheIf}} in a set.
type block struct {
	name     string
	fn       string // that the template calls
	template string // that it stands in
	location string // template:line:column
	digest   string
	ttl      time.Duration // if hasTTL: it is written out in the template
	hasTTL   bool
	args     int // vary arguments
	// conditional: it is one of cacheIf, and its condition the first argument.
	conditional bool
}

// compiler checks a template set and makes of it one that records fragments.
type compiler struct {
	frags   *Fragments // nil: caching is off
	live    *live.Set  // holes; nil: there are none
	set     *template.Template
	names   []string // of all templates with a tree, sorted
	graph   *graph
	blocks  []block
	holes   []hole
	derived map[string]bool            // templates that have copies for other places than HTML text
	here    map[*parse.ActionNode]bool // partials that are to be written in place
	errs    []error
}

// compile leaves the given set as it is.
func compile(given *template.Template, frags *Fragments, holes *live.Set) (*compiler, error) {
	set, err := given.Clone()
	if err != nil {
		return nil, fmt.Errorf("fragment: template set %q: %w: load a set that has not been executed", given.Name(), err)
	}
	for _, fn := range append(hidden, fnPartial, fnTag, fnLive) {
		set.Funcs(template.FuncMap{fn: unbound(fn)})
	}
	c := &compiler{frags: frags, live: holes, set: set, graph: newGraph()}
	for _, t := range set.Templates() {
		if t.Tree != nil && t.Tree.Root != nil {
			c.names = append(c.names, t.Name())
		}
		if strings.Contains(t.Name(), derivedSuffix) {
			return nil, fmt.Errorf("fragment: template %q: names with %s are html/template's own: choose another", t.Name(), derivedSuffix)
		}
	}
	slices.Sort(c.names)
	for _, name := range c.names { // all, before the first is rewritten
		c.graph.add(name, c.set.Lookup(name).Tree.Root)
	}
	for _, name := range c.names {
		tree := c.set.Lookup(name).Tree
		w := walker{c: c, tree: tree, name: name}
		w.list(tree.Root)
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	for _, b := range c.blocks {
		set.Funcs(template.FuncMap{b.fn: unbound(b.fn)})
	}
	if err := c.lookAhead(); err != nil {
		return nil, err
	}
	if err := c.checkContexts(); err != nil {
		return nil, err
	}
	c.placeHoles()
	return c, nil
}

func (c *compiler) defined(name string) bool {
	_, found := slices.BinarySearch(c.names, name)
	return found
}

// set is one generation of one template set, ready to render.
type set struct {
	base     *template.Template // rewritten; cloned, never executed
	names    []string           // of its templates
	frags    *Fragments
	live     *live.Set
	blocks   []boundBlock
	holes    []hole
	partials map[string]*identity // by template
	idle     chan *instance
}

// boundBlock is what a render needs to know of a block.
type boundBlock struct {
	block
	id *identity // nil where caching is off
}

// newSet compiles a template set.
func newSet(given *template.Template, frags *Fragments, holes *live.Set, maxIdle int) (*set, error) {
	c, err := compile(given, frags, holes)
	if err != nil {
		return nil, err
	}
	s := &set{base: c.set, names: c.names, frags: frags, live: holes, holes: c.holes, idle: make(chan *instance, maxIdle)}
	s.partials = make(map[string]*identity, len(c.names))
	for _, name := range c.names {
		s.partials[name] = frags.identity(kindPartial, name, c.graph.digest(name))
	}
	for _, b := range c.blocks {
		s.blocks = append(s.blocks, boundBlock{block: b, id: frags.identity(kindBlock, b.name, b.digest)})
	}
	return s, nil
}
