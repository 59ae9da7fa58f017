package fragment

import "text/template/parse"

// visit calls f for node and for everything below it.
func visit(node parse.Node, f func(parse.Node)) {
	switch n := node.(type) {
	case nil:
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				visit(child, f)
			}
		}
	case *parse.PipeNode:
		if n != nil {
			f(n)
			for _, cmd := range n.Cmds {
				visit(cmd, f)
			}
		}
	case *parse.CommandNode:
		f(n)
		for _, arg := range n.Args {
			visit(arg, f)
		}
	case *parse.ChainNode:
		f(n)
		visit(n.Node, f)
	case *parse.ActionNode:
		f(n)
		visit(n.Pipe, f)
	case *parse.TemplateNode:
		f(n)
		visit(n.Pipe, f)
	default:
		f(n)
		if b := branchOf(n); b != nil {
			visit(b.Pipe, f)
			visit(b.List, f)
			visit(b.ElseList, f)
		}
	}
}

// branchOf returns what if, range and with have in common.
func branchOf(node parse.Node) *parse.BranchNode {
	switch n := node.(type) {
	case *parse.IfNode:
		return &n.BranchNode
	case *parse.RangeNode:
		return &n.BranchNode
	case *parse.WithNode:
		return &n.BranchNode
	}
	return nil
}

// calls reports whether cmd calls the function of that name.
func calls(cmd *parse.CommandNode, name string) bool {
	if len(cmd.Args) == 0 {
		return false
	}
	id, ok := cmd.Args[0].(*parse.IdentifierNode)
	return ok && id.Ident == name
}

// snippet parses a piece of template that uses reserved names.
func snippet(src string) *parse.ListNode {
	funcs := map[string]any{}
	for _, fn := range hidden {
		funcs[fn] = 0
	}
	trees, err := parse.Parse("fragment", src, "", "", funcs)
	if err != nil {
		panic("fragment: own snippet " + src + ": " + err.Error())
	}
	return trees["fragment"].Root
}
