package fragment

import (
	"reflect"
	"text/template/parse"
)

// SetStats tell what one template set holds.
type SetStats struct {
	Name   string // of the template that was given to Load
	Blocks int    // {{if cache}} in it
	Idle   int    // instances that wait for a render
	// InstanceBytes is about what one instance takes: the trees of its
	// templates, which grow when a page is rendered for the first time, and
	// its buffer. Zero while no instance waits.
	InstanceBytes int
}

// stats looks at an instance that nobody uses.
func (s *set) stats() SetStats {
	st := SetStats{Name: s.base.Name(), Blocks: len(s.blocks), Idle: len(s.idle)}
	select {
	case in := <-s.idle:
		st.InstanceBytes = in.bytes()
		s.give(in)
	default:
	}
	return st
}

// perTemplate is about what html/template and text/template keep for a template
// besides its tree, in structs and maps.
const perTemplate = 400

func (in *instance) bytes() int {
	n := in.state.buf.Cap()
	for _, t := range in.set.Templates() {
		n += perTemplate
		if t.Tree != nil {
			visit(t.Tree.Root, func(node parse.Node) { n += nodeBytes(node) })
		}
	}
	return n
}

// nodeBytes is what a node takes itself, with its lists; strings are shared
// among instances.
func nodeBytes(node parse.Node) int {
	const pointers = 16 // an interface in a list
	n := int(reflect.TypeOf(node).Elem().Size())
	switch t := node.(type) {
	case *parse.TextNode:
		n += cap(t.Text)
	case *parse.PipeNode:
		n += pointers * (cap(t.Cmds) + cap(t.Decl))
	case *parse.CommandNode:
		n += pointers * cap(t.Args)
		for _, arg := range t.Args {
			if _, ok := arg.(*parse.PipeNode); !ok {
				n += 16 * (1 + len(arg.String())/8) // its names
			}
		}
	}
	if b := branchOf(node); b != nil {
		n += listBytes(b.List) + listBytes(b.ElseList)
	}
	return n
}

func listBytes(l *parse.ListNode) int {
	if l == nil {
		return 0
	}
	return int(reflect.TypeFor[parse.ListNode]().Size()) + 16*cap(l.Nodes)
}
