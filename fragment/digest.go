package fragment

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"text/template/parse"
)

// canonical writes a tree so that two trees never read the same: every node has
// a letter, every text its length. Node.String does not do: under delimiters
// other than {{ the text "{{.X}}" reads as the action. Positions and comments
// are left out.
func canonical(node parse.Node) []byte {
	c := canon{}
	c.node(node)
	return c.Bytes()
}

type canon struct{ bytes.Buffer }

func (c *canon) text(letter byte, s string) {
	c.WriteByte(letter)
	c.Write(binary.AppendUvarint(c.AvailableBuffer(), uint64(len(s))))
	c.WriteString(s)
}

func (c *canon) count(letter byte, n int) {
	c.WriteByte(letter)
	c.Write(binary.AppendUvarint(c.AvailableBuffer(), uint64(n)))
}

func (c *canon) list(l *parse.ListNode) {
	if l == nil {
		c.WriteByte('-')
		return
	}
	nodes := slices.DeleteFunc(slices.Clone(l.Nodes), func(n parse.Node) bool { return n.Type() == parse.NodeComment })
	c.count('L', len(nodes))
	for _, n := range nodes {
		c.node(n)
	}
}

func (c *canon) pipe(p *parse.PipeNode) {
	if p == nil {
		c.WriteByte('-')
		return
	}
	letter := byte('P')
	if p.IsAssign {
		letter = 'A'
	}
	c.count(letter, len(p.Decl))
	for _, d := range p.Decl {
		c.node(d)
	}
	c.count('C', len(p.Cmds))
	for _, cmd := range p.Cmds {
		c.node(cmd)
	}
}

func (c *canon) branch(letter byte, b *parse.BranchNode) {
	c.WriteByte(letter)
	c.pipe(b.Pipe)
	c.list(b.List)
	c.list(b.ElseList)
}

func (c *canon) node(node parse.Node) {
	switch n := node.(type) {
	case *parse.ListNode:
		c.list(n)
	case *parse.PipeNode:
		c.pipe(n)
	case *parse.TextNode:
		c.text('t', string(n.Text))
	case *parse.ActionNode:
		c.WriteByte('a')
		c.pipe(n.Pipe)
	case *parse.TemplateNode:
		c.text('T', n.Name)
		c.pipe(n.Pipe)
	case *parse.IfNode:
		c.branch('i', &n.BranchNode)
	case *parse.RangeNode:
		c.branch('r', &n.BranchNode)
	case *parse.WithNode:
		c.branch('w', &n.BranchNode)
	case *parse.CommandNode:
		c.count('c', len(n.Args))
		for _, arg := range n.Args {
			c.node(arg)
		}
	case *parse.ChainNode:
		c.count('h', len(n.Field))
		c.node(n.Node)
		for _, f := range n.Field {
			c.text('f', f)
		}
	default: // leaves: what they are, and how they are written
		c.count('n', int(n.Type()))
		c.text('s', n.String())
	}
}

// graph knows what the templates of a set call.
type graph struct {
	canon    map[string][]byte   // by template, before rewriting
	includes map[string][]string // by template: what {{template}} names in it
	calls    map[string][]string // the same, and what partialCached names; sorted
	dynamic  map[string]bool     // templates that call partialCached with a computed name
	digests  map[string]string   // those already made
}

func newGraph() *graph {
	return &graph{
		canon: map[string][]byte{}, includes: map[string][]string{}, calls: map[string][]string{},
		dynamic: map[string]bool{}, digests: map[string]string{},
	}
}

// add reads a template's tree.
func (g *graph) add(name string, root *parse.ListNode) {
	g.canon[name] = canonical(root)
	literal, computed := partialNames(root)
	called := map[string]bool{}
	for _, n := range literal {
		called[n] = true
	}
	visit(root, func(node parse.Node) {
		if n, ok := node.(*parse.TemplateNode); ok {
			called[n.Name] = true
			g.includes[name] = append(g.includes[name], n.Name)
		}
	})
	g.dynamic[name], g.calls[name] = computed, slices.Sorted(maps.Keys(called))
}

// partialNames returns the templates that partialCached names, and whether
// there are calls whose template is computed.
func partialNames(root *parse.ListNode) (literal []string, computed bool) {
	uses, named := 0, 0
	visit(root, func(node parse.Node) {
		switch n := node.(type) {
		case *parse.IdentifierNode:
			if n.Ident == fnPartial {
				uses++
			}
		case *parse.CommandNode:
			if name, ok := partialName(n); ok {
				literal = append(literal, name)
				named++
			}
		}
	})
	return literal, uses != named
}

// partialName returns the template that a call of partialCached names.
func partialName(cmd *parse.CommandNode) (string, bool) {
	if !calls(cmd, fnPartial) || len(cmd.Args) < 2 {
		return "", false
	}
	s, ok := cmd.Args[1].(*parse.StringNode)
	if !ok {
		return "", false
	}
	return s.Text, true
}

// reach returns name and all that it calls, and whether a computed name makes
// that the whole set.
func (g *graph) reach(name string) (reached map[string]bool, all bool) {
	reached = closure(name, g.calls)
	for n := range reached {
		all = all || g.dynamic[n]
	}
	return reached, all
}

// included returns the template and all that {{template}} brings into it.
func (g *graph) included(name string) map[string]bool { return closure(name, g.includes) }

func closure(from string, edges map[string][]string) map[string]bool {
	reached := map[string]bool{}
	todo := []string{from}
	for len(todo) > 0 {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !reached[next] {
			reached[next] = true
			todo = append(todo, edges[next]...)
		}
	}
	return reached
}

// digest identifies a template and all it reaches. With a computed partial name
// that is every template of the set.
func (g *graph) digest(name string) string {
	if d, ok := g.digests[name]; ok {
		return d
	}
	reached, all := g.reach(name)
	if all {
		for n := range g.canon {
			reached[n] = true
		}
	}
	c := canon{}
	c.text('#', name)
	for _, n := range slices.Sorted(maps.Keys(reached)) {
		c.text('N', n)
		c.text('B', string(g.canon[n]))
	}
	sum := sha256.Sum256(c.Bytes())
	g.digests[name] = hex.EncodeToString(sum[:16])
	return g.digests[name]
}

// blockDigest identifies the block that is number n of its template. Variables
// and dot come from the template; two blocks in it can have one name.
func (g *graph) blockDigest(template string, n int, body *parse.ListNode) string {
	c := canon{}
	c.text('D', g.digest(template))
	c.count('b', n)
	c.node(body)
	sum := sha256.Sum256(c.Bytes())
	return hex.EncodeToString(sum[:16])
}
