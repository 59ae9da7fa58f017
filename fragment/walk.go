package fragment

import (
	"slices"
	"text/template/parse"
)

// walker goes through one template, checks every use of the package's
// functions, and rewrites what is in order.
type walker struct {
	c      *compiler
	tree   *parse.Tree
	name   string // of the template
	blocks int    // seen so far
	open   []*openBody
}

// openBody is a fragment body that the walk is in.
type openBody struct {
	name  string
	loops int      // open inside it
	vars  []string // declared inside it and in scope
}

// marks remembers which variables each open body knows, for the end of a block.
func (w *walker) marks() []int {
	marks := make([]int, len(w.open))
	for i, b := range w.open {
		marks[i] = len(b.vars)
	}
	return marks
}

func (w *walker) restore(marks []int) {
	for i, n := range marks {
		w.open[i].vars = w.open[i].vars[:n]
	}
}

func (w *walker) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	marks := w.marks()
	for _, n := range l.Nodes {
		w.node(n)
	}
	w.restore(marks)
}

func (w *walker) node(node parse.Node) {
	switch n := node.(type) {
	case *parse.ActionNode:
		if w.hole(n) {
			return
		}
		w.pipe(n.Pipe)
		hideTag(n)
	case *parse.TemplateNode:
		w.pipe(n.Pipe)
	case *parse.BreakNode, *parse.ContinueNode:
		w.leaves(n)
	case *parse.IfNode:
		if call, ok := blockCall(n.Pipe); ok {
			w.block(n, call)
			return
		}
		w.branch(&n.BranchNode, false)
	case *parse.WithNode:
		w.branch(&n.BranchNode, false)
	case *parse.RangeNode:
		w.branch(&n.BranchNode, true)
	}
}

func (w *walker) branch(b *parse.BranchNode, loop bool) {
	marks := w.marks()
	w.pipe(b.Pipe)
	if loop {
		w.loops(+1)
	}
	w.list(b.List)
	if loop {
		w.loops(-1)
	}
	w.list(b.ElseList)
	w.restore(marks)
}

func (w *walker) loops(by int) {
	for _, b := range w.open {
		b.loops += by
	}
}

// pipe follows the declarations, also those in parentheses, and checks the
// functions in a pipeline.
func (w *walker) pipe(p *parse.PipeNode) {
	if p == nil {
		return
	}
	w.pipeFuncs(p)
	visit(p, func(node parse.Node) {
		if inner, ok := node.(*parse.PipeNode); ok {
			w.declarations(inner)
		}
	})
}

func (w *walker) declarations(p *parse.PipeNode) {
	for _, d := range p.Decl {
		name := d.Ident[0]
		if p.IsAssign {
			w.assigns(p, name)
			continue
		}
		w.checkVariable(p, name)
		for _, b := range w.open {
			b.vars = append(b.vars, name)
		}
	}
}

// block is a fragment: it is checked, given its identity, and rewritten.
func (w *walker) block(n *parse.IfNode, call callOfBlock) {
	name, ok := w.checkBlock(n, call)
	if !ok {
		return
	}
	b := block{name: name, template: w.name, fn: blockFunc(len(w.c.blocks), name), conditional: call.conditional()}
	b.location, _ = w.tree.ErrorContext(n)
	b.ttl, b.hasTTL = literalTTL(call.ttl())
	b.args = len(call.vary())
	b.digest = w.c.graph.blockDigest(w.name, w.blocks, n.List)
	w.c.blocks = append(w.c.blocks, b)
	w.blocks++
	w.open = append(w.open, &openBody{name: name})
	w.list(n.List)
	w.open = w.open[:len(w.open)-1]
	rewriteBlock(w.tree, n, call, b)
}

// declares reports whether the body declared the variable.
func (b *openBody) declares(name string) bool { return slices.Contains(b.vars, name) }
