package fragment

import (
	"errors"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"text/template/parse"

	"github.com/echoic-go/echoic/cache/live"
)

// Holes of templates. {{live "name"}} prints the value past html/template, as a
// fragment's bytes are written: the value fits the place because it was checked,
// when the set was loaded, that the place is one where every value of the hole's
// kind means what it says. Then it becomes, in the tree,
//
//	{{if _frag_live 3}}{{end}}
//
// where 3 is its number in the set; the function writes and is false. A
// partialCached that stands alone in HTML text and may bring holes becomes
//
//	{{if _frag_partial name data ttl vary…}}{{end}}
//
// for the same reason: what a function returns ends up nobody knows where.

// hole is a {{live}} in a set.
type hole struct {
	name     string
	kind     live.Kind
	template string // that it stands in
	location string // template:line:column
}

// hole makes of {{live "name"}} the call that is checked and placed later on. It
// is false for any other action.
func (w *walker) hole(n *parse.ActionNode) bool {
	if len(n.Pipe.Cmds) != 1 || len(n.Pipe.Decl) > 0 || !calls(n.Pipe.Cmds[0], fnLive) {
		return false
	}
	cmd := n.Pipe.Cmds[0]
	var name *parse.StringNode
	if len(cmd.Args) == 2 {
		name, _ = cmd.Args[1].(*parse.StringNode)
	}
	if name == nil {
		w.refuse(n, `live wants the literal name of a hole: {{live "username"}}`)
		return true
	}
	kind, known := w.c.live.Kind(name.Text)
	if !known {
		w.refuse(n, "live: no hole %q is registered: do that before the templates are loaded", name.Text)
		return true
	}
	h := hole{name: name.Text, kind: kind, template: w.name}
	h.location, _ = w.tree.ErrorContext(n)
	w.c.holes = append(w.c.holes, h)
	call := snippet(fmt.Sprintf("{{%s %d}}", fnHole, len(w.c.holes)-1)).Nodes[0].(*parse.ActionNode)
	n.Pipe.Cmds = call.Pipe.Cmds
	return true
}

// holeNumber is the number of the hole that an action is.
func holeNumber(n *parse.ActionNode) (number int, ok bool) {
	cmd := n.Pipe.Cmds[0]
	if len(n.Pipe.Decl) > 0 || !calls(cmd, fnHole) {
		return 0, false
	}
	arg, ok := cmd.Args[1].(*parse.NumberNode)
	if !ok {
		return 0, false
	}
	return int(arg.Int64), true
}

const attrEscaper = "_html_template_attrescaper" // what an action in a quoted attribute gets

// mayStand reports whether values of the kind may stand, as they are, where
// html/template would escape like this. What is not known is refused.
func mayStand(kind live.Kind, escapers []string) bool {
	switch {
	case slices.Equal(escapers, []string{textEscaper}):
		return true
	case slices.Equal(escapers, []string{attrEscaper}):
		return kind == live.Token
	}
	return false
}

func escapersOf(n *parse.ActionNode) (names []string) {
	for _, cmd := range n.Pipe.Cmds[1:] {
		names = append(names, cmd.String())
	}
	return names
}

// checkHoles refuses holes where their values would mean something else. In
// scratch every template has been escaped. Copies for other places than HTML text
// cannot be looked at: checkDerived refuses calls of those that hold a hole. failed
// are templates that cannot be escaped on their own.
func (c *compiler) checkHoles(scratch *template.Template, failed map[string]error) (errs []error) {
	if len(c.holes) == 0 {
		return nil
	}
	good, bad := make([]bool, len(c.holes)), make([]bool, len(c.holes))
	for _, t := range scratch.Templates() {
		if t.Tree == nil {
			continue
		}
		visit(t.Tree.Root, func(node parse.Node) {
			n, ok := node.(*parse.ActionNode)
			if !ok {
				return
			}
			if number, ok := holeNumber(n); ok {
				fits := mayStand(c.holes[number].kind, escapersOf(n))
				good[number], bad[number] = good[number] || fits, bad[number] || !fits
			}
		})
	}
	for i, h := range c.holes {
		if !good[i] || bad[i] {
			errs = append(errs, misplaced(h, failed[h.template]))
		}
	}
	c.here = map[*parse.ActionNode]bool{}
	for _, name := range c.names {
		errs = append(errs, c.checkPartials(scratch, name)...)
	}
	return errs
}

func misplaced(h hole, cause error) error {
	where := "HTML text and quoted attributes that are no address, script or style"
	if h.kind == live.HTML {
		where = "HTML text, and not inside a tag, attribute, script, style, title or comment"
	}
	if cause == nil {
		return &LoadError{Location: h.location, Reason: fmt.Sprintf("hole %q is of kind %v, which can stand in %s", h.name, h.kind, where)}
	}
	return &LoadError{Location: h.location, Reason: fmt.Sprintf("hole %q: %v", h.name, cause), Err: cause}
}

// checkPartials refuses a partialCached of a template with holes whose result does
// not go straight into HTML text.
func (c *compiler) checkPartials(scratch *template.Template, name string) (errs []error) {
	tree := c.set.Lookup(name).Tree
	direct := map[*parse.CommandNode]bool{}
	visit(tree.Root, func(node parse.Node) {
		if n, ok := node.(*parse.ActionNode); ok && alone(n) {
			text := !c.derived[name] && inText(scratch, name, n)
			direct[n.Pipe.Cmds[0]] = text
			partial, literal := partialName(n.Pipe.Cmds[0])
			c.here[n] = text && (!literal || c.hasHoles(partial))
		}
	})
	visit(tree.Root, func(node parse.Node) {
		cmd, ok := node.(*parse.CommandNode)
		if !ok || direct[cmd] {
			return
		}
		if partial, ok := partialName(cmd); ok && c.hasHoles(partial) {
			location, _ := tree.ErrorContext(cmd)
			errs = append(errs, &LoadError{Location: location, Reason: fmt.Sprintf(
				"partialCached %q has holes: it must stand alone in its action, in HTML text", partial)})
		}
	})
	return errs
}

// noteDerived notes that a template, and with it all that it brings in, has copies
// for other places.
func (c *compiler) noteDerived(name string) {
	if c.derived == nil {
		c.derived = map[string]bool{}
	}
	maps.Copy(c.derived, c.graph.included(name))
}

// alone reports whether an action is a call of partialCached and nothing else.
func alone(n *parse.ActionNode) bool {
	return len(n.Pipe.Cmds) == 1 && len(n.Pipe.Decl) == 0 && calls(n.Pipe.Cmds[0], fnPartial) && len(n.Pipe.Cmds[0].Args) > 3
}

// inText reports whether a partial is printed in HTML text.
func inText(scratch *template.Template, name string, action *parse.ActionNode) bool {
	want := action.Pipe.Cmds[0].String()
	found, text := false, true
	for _, t := range scratch.Templates() {
		if t.Tree == nil || t.Name() != name {
			continue
		}
		visit(t.Tree.Root, func(node parse.Node) {
			n, ok := node.(*parse.ActionNode)
			if !ok || n.Pos != action.Pos || n.Pipe.Cmds[0].String() != want {
				return
			}
			found = true
			text = text && slices.Equal(escapersOf(n), []string{textEscaper})
		})
	}
	return found && text
}

// hasHoles reports whether a template, or what it brings in, has holes.
func (c *compiler) hasHoles(name string) bool {
	reached, all := c.graph.reach(name)
	return slices.ContainsFunc(c.holes, func(h hole) bool { return all || reached[h.template] })
}

// placeHoles puts holes, and partials that may bring some, in their final form.
func (c *compiler) placeHoles() {
	if len(c.holes) == 0 {
		return
	}
	for _, name := range c.names {
		root := c.set.Lookup(name).Tree.Root
		c.placeIn(root)
		visit(root, func(node parse.Node) {
			if b := branchOf(node); b != nil {
				c.placeIn(b.List)
				c.placeIn(b.ElseList)
			}
		})
	}
}

func (c *compiler) placeIn(l *parse.ListNode) {
	if l == nil {
		return
	}
	for i, node := range l.Nodes {
		n, ok := node.(*parse.ActionNode)
		if !ok {
			continue
		}
		if _, ok := holeNumber(n); ok || c.here[n] {
			l.Nodes[i] = written(n)
		}
	}
}

// written makes of {{f …}} the tree of {{if f …}}{{end}}.
func written(n *parse.ActionNode) parse.Node {
	branch := snippet(fmt.Sprintf("{{if %s}}{{end}}", fnEnd)).Nodes[0].(*parse.IfNode)
	branch.Pos, branch.Line, branch.Pipe = n.Pos, n.Line, n.Pipe
	if cmd := n.Pipe.Cmds[0]; calls(cmd, fnPartial) {
		cmd.Args[0] = parse.NewIdentifier(fnHere).SetPos(cmd.Pos)
	}
	return branch
}

// hole is the template function that writes the value of a hole.
func (s *state) hole(number int) (bool, error) {
	return false, s.buf.Put(s.ctx, s.set.live, s.set.holes[number].name)
}

// partialHere is partialCached that writes what it would return.
func (s *state) partialHere(name string, data any, ttl any, vary ...any) (bool, error) {
	d, err := parseTTL(ttl)
	if err != nil {
		return false, fmt.Errorf("partialCached %q: %w", name, err)
	}
	id, ok := s.set.partials[name]
	if !ok {
		return false, fmt.Errorf("partialCached: %w: %q", ErrNoTemplate, name)
	}
	depth := len(s.frames)
	if d == 0 || s.set.frags == nil {
		if err := s.pushPlain(name); err != nil {
			return false, err
		}
		return false, s.writePartial(name, data, depth)
	}
	text, err := s.open(id, d, vary)
	switch {
	case err != nil:
		return false, err
	case !text.IsZero():
		return false, s.buf.Splice(s.ctx, s.set.live, text)
	}
	return false, s.writePartial(name, data, depth)
}

var errFrame = errors.New("fragment: internal error: a partial left a fragment open")
