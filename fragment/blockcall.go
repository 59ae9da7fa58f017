package fragment

import "text/template/parse"

// callOfBlock is the call that opens a block:
//
//	cache name ttl vary…
//	cacheIf cond name ttl vary…
type callOfBlock struct{ *parse.CommandNode }

// blockCall returns the call of cache or cacheIf that stands alone in an if.
func blockCall(p *parse.PipeNode) (call callOfBlock, ok bool) {
	if len(p.Cmds) != 1 || len(p.Decl) != 0 {
		return call, false
	}
	cmd := p.Cmds[0]
	return callOfBlock{cmd}, calls(cmd, fnCache) || calls(cmd, fnCacheIf)
}

func (c callOfBlock) conditional() bool { return calls(c.CommandNode, fnCacheIf) }

// first is the place of the name.
func (c callOfBlock) first() int {
	if c.conditional() {
		return 2
	}
	return 1
}

// complete reports whether nothing that is required is missing. The rest may be
// asked only then.
func (c callOfBlock) complete() bool { return len(c.Args) > c.first()+1 }

func (c callOfBlock) name() parse.Node   { return c.Args[c.first()] }
func (c callOfBlock) ttl() parse.Node    { return c.Args[c.first()+1] }
func (c callOfBlock) vary() []parse.Node { return c.Args[c.first()+2:] }

// evaluated are the arguments that are evaluated on every render: all but the
// name, and a time to live that is written out.
func (c callOfBlock) evaluated(literal bool) []parse.Node {
	var args []parse.Node
	if c.conditional() {
		args = append(args, c.Args[1])
	}
	if !literal {
		args = append(args, c.ttl())
	}
	return append(args, c.vary()...)
}
