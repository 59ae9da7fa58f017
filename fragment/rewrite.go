package fragment

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
	"unicode"
)

// rewriteBlock makes of
//
//	{{if cache "name" "ttl" …}} body {{end}}
//
// the tree of
//
//	{{if cache_frag_7_name …}} body {{$_frag_end := _frag_end}}{{end}}
//
// where the function is the block's own: it is number 7 in its set. Its name is
// there for the errors of html/template. The condition of cacheIf and a time to
// live that is not literal stay, as its first arguments. Fewer arguments make a cheaper hit, since
// text/template allocates for each.
//
// The end is a declaration and not an action, because the escaper passes over
// declarations: an action would get an escaper and, in its eyes, print a value
// that moves the context.
func rewriteBlock(tree *parse.Tree, n *parse.IfNode, call callOfBlock, b block) {
	fn := parse.NewIdentifier(b.fn).SetPos(call.Position()).SetTree(tree)
	call.Args = slices.Concat([]parse.Node{fn}, call.evaluated(b.hasTTL))
	end := snippet(fmt.Sprintf("{{$%s := %s}}", fnEnd, fnEnd))
	n.List.Nodes = append(n.List.Nodes, end.Nodes...)
}

// blockFunc is the name of the function of a block.
func blockFunc(number int, name string) string {
	readable := strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, name)
	return fmt.Sprintf("%s%d_%s", blockPrefix, number, readable)
}

// blockNumber is the opposite of blockFunc.
func blockNumber(fn string) (number int, ok bool) {
	rest, ok := strings.CutPrefix(fn, blockPrefix)
	if !ok {
		return 0, false
	}
	digits, _, ok := strings.Cut(rest, "_")
	number, err := strconv.Atoi(digits)
	return number, ok && err == nil
}

// hideTag makes a declaration of an action that ends in tag: it prints nothing,
// so it must not have a say in how the text around it is escaped, and may stand
// anywhere, also inside a tag or a script.
func hideTag(n *parse.ActionNode) {
	p := n.Pipe
	if len(p.Decl) > 0 || !calls(p.Cmds[len(p.Cmds)-1], fnTag) {
		return
	}
	p.Decl = []*parse.VariableNode{{NodeType: parse.NodeVariable, Pos: p.Pos, Ident: []string{varTag}}}
}
