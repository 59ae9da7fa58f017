package fragment

import (
	"fmt"
	"slices"
	"strings"
	"text/template/parse"
)

// The fragments of a loop are looked up in one trip to the store. For this
//
//	{{range $i, $x := .Rows}} … {{if cache "row" "1h" $x}}…{{end}} … {{end}}
//
// becomes, after its blocks were rewritten,
//
//	{{$_frag_items := .Rows}}
//	{{if _frag_many $_frag_items}}
//	  {{range $i, $x := $_frag_items}}{{$_frag_want := _frag_want 7 $x}}{{end}}
//	  {{$_frag_want := _frag_fetch}}
//	{{end}}
//	{{range $i, $x := $_frag_items}} … {{end}}
//
// so that the collection is evaluated once, and the arguments of a fragment in
// the place, and with the variables, that they will have. That they are
// evaluated twice must not be noticed: only what every turn of the loop comes
// to is wanted ahead, and only if its arguments call no functions but these.
var pureFuncs = []string{
	"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice", "print", "printf", fnUsing,
}

// aheadCompiler adds the loops that look ahead to a set whose blocks have been
// rewritten.
type aheadCompiler struct {
	c      *compiler
	wants  map[string]*parse.ListNode // by template: what calling it will want
	active map[string]bool            // templates that are being looked through
}

// lookAhead rewrites the loops of all templates.
func (c *compiler) lookAhead() error {
	if c.frags == nil {
		return nil
	}
	a := aheadCompiler{c: c, wants: map[string]*parse.ListNode{}, active: map[string]bool{}}
	for _, name := range c.names {
		visit(c.set.Lookup(name).Tree.Root, func(node parse.Node) {
			if b := branchOf(node); b != nil {
				a.loops(b.List)
				a.loops(b.ElseList)
			}
		})
		a.loops(c.set.Lookup(name).Tree.Root)
	}
	for name, wants := range a.wants {
		if len(wants.Nodes) == 0 {
			continue
		}
		tree := &parse.Tree{Name: wantTemplate(name), ParseName: wantTemplate(name), Root: wants}
		if _, err := c.set.AddParseTree(tree.Name, tree); err != nil {
			return fmt.Errorf("fragment: template %q: %w", name, err)
		}
	}
	return nil
}

func wantTemplate(name string) string { return reserved + "want_" + name }

// loops replaces the loops that stand directly in a list.
func (a *aheadCompiler) loops(l *parse.ListNode) {
	if l == nil {
		return
	}
	for i := 0; i < len(l.Nodes); i++ {
		n, ok := l.Nodes[i].(*parse.RangeNode)
		if !ok || n.Pipe.IsAssign || leavesEarly(n.List) {
			continue
		}
		declared := declaredIn(n.List)
		wants := a.list(n.List, func(variable string) bool { return !declared[variable] })
		if len(wants) > 0 {
			l.Nodes = slices.Replace(l.Nodes, i, i+1, aheadOf(n, wants)...)
			i += 2
		}
	}
}

// aheadOf returns the loop n with what comes before it.
func aheadOf(n *parse.RangeNode, wants []parse.Node) []parse.Node {
	nodes := snippet(fmt.Sprintf("{{%[1]s := 0}}{{if %[2]s %[1]s}}{{range %[1]s}}{{end}}{{%[3]s := %[4]s}}{{end}}",
		varItems, fnMany, varWant, fnFetch)).Nodes
	items, ahead := nodes[0].(*parse.ActionNode), nodes[1].(*parse.IfNode)
	items.Pipe.Cmds = n.Pipe.Cmds
	items.Pos, items.Line, items.Pipe.Pos, items.Pipe.Line = n.Pos, n.Line, n.Pipe.Pos, n.Pipe.Line
	first := ahead.List.Nodes[0].(*parse.RangeNode)
	for _, d := range n.Pipe.Decl {
		first.Pipe.Decl = append(first.Pipe.Decl, d.Copy().(*parse.VariableNode))
	}
	first.List.Nodes = wants
	n.Pipe.Cmds = []*parse.CommandNode{{NodeType: parse.NodeCommand, Pos: n.Pipe.Pos, Args: []parse.Node{
		&parse.VariableNode{NodeType: parse.NodeVariable, Pos: n.Pipe.Pos, Ident: []string{varItems}},
	}}}
	return []parse.Node{items, ahead, n}
}

// list returns what all of a list's own fragments want. known says which
// variables have the value then that they have before the list.
func (a *aheadCompiler) list(l *parse.ListNode, known func(variable string) bool) (wants []parse.Node) {
	for _, node := range l.Nodes {
		switch n := node.(type) {
		case *parse.IfNode:
			cmd := n.Pipe.Cmds[0]
			fn, ok := cmd.Args[0].(*parse.IdentifierNode)
			if !ok {
				continue
			}
			if number, ok := blockNumber(fn.Ident); ok && pure(cmd.Args[1:], known) {
				wants = append(wants, want(fmt.Sprintf("%s %d", fnWant, number), cmd.Args[1:]))
			}
		case *parse.ActionNode:
			cmd := n.Pipe.Cmds[0]
			name, ok := partialName(cmd)
			if ok && len(n.Pipe.Cmds) == 1 && len(n.Pipe.Decl) == 0 && len(cmd.Args) > 3 && pure(cmd.Args[3:], known) {
				wants = append(wants, want(fmt.Sprintf("%s %q", fnWantPartial, name), cmd.Args[3:]))
			}
		case *parse.TemplateNode:
			if n.Pipe != nil && len(n.Pipe.Decl) == 0 && pure([]parse.Node{n.Pipe}, known) && len(a.template(n.Name).Nodes) > 0 {
				called := n.Copy().(*parse.TemplateNode)
				called.Name = wantTemplate(n.Name)
				wants = append(wants, called)
			}
		}
	}
	return wants
}

// template returns what a call of the template wants.
func (a *aheadCompiler) template(name string) *parse.ListNode {
	if l, ok := a.wants[name]; ok {
		return l
	}
	if a.active[name] || !a.c.defined(name) {
		return &parse.ListNode{NodeType: parse.NodeList}
	}
	a.active[name] = true
	defer delete(a.active, name)
	// Of the variables only $ is known, which is what the template is called with.
	wants := a.list(a.c.set.Lookup(name).Tree.Root, func(variable string) bool { return variable == "$" })
	l := &parse.ListNode{NodeType: parse.NodeList, Nodes: wants}
	a.wants[name] = l
	return l
}

func want(call string, args []parse.Node) parse.Node {
	n := snippet(fmt.Sprintf("{{%s := %s}}", varWant, call)).Nodes[0].(*parse.ActionNode)
	for _, arg := range args {
		n.Pipe.Cmds[0].Args = append(n.Pipe.Cmds[0].Args, arg.Copy())
	}
	return n
}

// pure reports whether the arguments can be evaluated once more.
func pure(args []parse.Node, known func(variable string) bool) bool {
	ok := true
	for _, arg := range args {
		visit(arg, func(node parse.Node) {
			switch n := node.(type) {
			case *parse.IdentifierNode:
				ok = ok && slices.Contains(pureFuncs, n.Ident)
			case *parse.VariableNode:
				ok = ok && known(n.Ident[0])
			case *parse.PipeNode:
				ok = ok && len(n.Decl) == 0
			}
		})
	}
	return ok
}

// leavesEarly reports whether a loop may end before its last turn, or a turn
// before its end.
func leavesEarly(l *parse.ListNode) bool {
	found := false
	visit(l, func(node parse.Node) {
		found = found || node.Type() == parse.NodeBreak || node.Type() == parse.NodeContinue
	})
	return found
}

func declaredIn(l *parse.ListNode) map[string]bool {
	declared := map[string]bool{}
	visit(l, func(node parse.Node) {
		if p, ok := node.(*parse.PipeNode); ok {
			for _, d := range p.Decl {
				declared[d.Ident[0]] = true
			}
		}
	})
	return declared
}

// isOwnTemplate reports whether a template, or a copy of it that html/template
// derived, is one of those that only look ahead: they print nothing.
func isOwnTemplate(name string) bool { return strings.HasPrefix(name, reserved) }
