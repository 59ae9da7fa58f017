package fragment

import (
	"errors"
	"fmt"
	"strings"
	"text/template/parse"
	"time"
)

// refuse notes that a use at node is wrong.
func (w *walker) refuse(node parse.Node, format string, args ...any) {
	location, _ := w.tree.ErrorContext(node)
	w.c.errs = append(w.c.errs, &LoadError{Location: location, Reason: fmt.Sprintf(format, args...)})
}

// leaves checks break and continue: from inside a body they must not reach a
// loop outside of it, since the end of the body would never be seen.
func (w *walker) leaves(node parse.Node) {
	for _, b := range w.open {
		if b.loops == 0 {
			w.refuse(node, "%s would leave the fragment %q before its end", node, b.name)
			return
		}
	}
}

// assigns checks that a body sets only its own variables.
func (w *walker) assigns(node parse.Node, variable string) {
	for _, b := range w.open {
		if !b.declares(variable) {
			w.refuse(node, "%s is set inside the fragment %q but declared outside of it: on a hit the assignment would not happen", variable, b.name)
			return
		}
	}
}

func (w *walker) checkVariable(node parse.Node, variable string) {
	if strings.HasPrefix(variable, "$"+reserved) {
		w.refuse(node, "%s: names that start with $%s are reserved", variable, reserved)
	}
}

// pipeFuncs checks the package's functions in a pipeline that is not the one of
// a block.
func (w *walker) pipeFuncs(p *parse.PipeNode) {
	visit(p, func(node parse.Node) {
		switch n := node.(type) {
		case *parse.IdentifierNode:
			switch {
			case n.Ident == fnCache:
				w.refuse(n, `cache opens a block: write {{if cache "name" "ttl" …}}…{{end}}, alone in its if`)
			case n.Ident == fnLive:
				w.refuse(n, `live stands alone: write {{live "name"}}, with nothing else in the action`)
			case n.Ident == fnCacheIf:
				w.refuse(n, `cacheIf opens a block: write {{if cacheIf .Cond "name" "ttl" …}}…{{end}}, alone in its if`)
			case strings.HasPrefix(n.Ident, reserved), strings.HasPrefix(n.Ident, blockPrefix):
				w.refuse(n, "%s: names that start with %s or %s are reserved", n.Ident, reserved, blockPrefix)
			}
		case *parse.PipeNode:
			for i, cmd := range n.Cmds {
				w.checkCommand(cmd, i > 0)
			}
		}
	})
}

// checkCommand checks what is literal in a call; piped says that a further
// argument comes from the command before.
func (w *walker) checkCommand(cmd *parse.CommandNode, piped bool) {
	args := len(cmd.Args) - 1
	if piped {
		args++
	}
	switch {
	case calls(cmd, fnUsing):
		w.checkUsing(cmd)
	case calls(cmd, fnTag) && args == 0:
		w.refuse(cmd, `tag wants at least one tag: {{tag "quote:7"}}`)
	case calls(cmd, fnPartial):
		if args < 3 {
			w.refuse(cmd, `partialCached wants a template, its data and a time to live: {{partialCached "card.html" . "500s"}}`)
			return
		}
		if name, ok := partialName(cmd); ok && !w.c.defined(name) {
			w.refuse(cmd, "partialCached: no template %q in this set", name)
		}
		if len(cmd.Args) > 3 {
			w.checkTTL(cmd, cmd.Args[3], fnPartial)
		}
	}
}

// checkBlock checks {{if cache}} and {{if cacheIf}} and returns the fragment's
// name.
func (w *walker) checkBlock(n *parse.IfNode, call callOfBlock) (name string, ok bool) {
	fn := call.Args[0].String()
	before := len(w.c.errs)
	if n.ElseList != nil {
		w.refuse(n, "{{if %s}} cannot have an {{else}}: on a hit it would run after the cached text", fn)
	}
	switch {
	case call.complete():
	case call.conditional():
		w.refuse(n, `cacheIf wants a condition, a name and a time to live: {{if cacheIf .Anonymous "sidebar" "500s" .Lang}}`)
		return "", false
	default:
		w.refuse(n, `cache wants a name and a time to live: {{if cache "sidebar" "500s" .User.Name}}`)
		return "", false
	}
	s, ok := call.name().(*parse.StringNode)
	if !ok || s.Text == "" {
		w.refuse(n, "%s: the fragment's name must be a literal string: put what varies after the time to live", fn)
		return "", false
	}
	w.checkTTL(n, call.ttl(), fmt.Sprintf("%s %q", fn, s.Text))
	for _, arg := range call.Args[1:] {
		w.checkArgument(arg)
	}
	return s.Text, len(w.c.errs) == before
}

// checkArgument checks functions in the arguments of cache and cacheIf.
func (w *walker) checkArgument(arg parse.Node) {
	switch arg := arg.(type) {
	case *parse.PipeNode:
		w.pipe(arg)
	case *parse.ChainNode:
		w.checkArgument(arg.Node)
	case *parse.IdentifierNode:
		if arg.Ident == fnCache || arg.Ident == fnCacheIf || arg.Ident == fnLive {
			w.refuse(arg, "%s cannot be an argument of cache", arg.Ident)
		}
	}
}

// checkTTL checks a time to live that is written out.
func (w *walker) checkTTL(at, arg parse.Node, what string) {
	var err error
	switch ttl := arg.(type) {
	case *parse.StringNode:
		_, err = parseTTL(ttl.Text)
	case *parse.NumberNode:
		err = errors.New("it is not a real number")
		switch {
		case ttl.IsInt:
			_, err = parseTTL(ttl.Int64)
		case ttl.IsUint:
			_, err = parseTTL(ttl.Uint64)
		case ttl.IsFloat:
			_, err = parseTTL(ttl.Float64)
		}
	case *parse.BoolNode, *parse.NilNode, *parse.DotNode:
		if _, dot := arg.(*parse.DotNode); !dot {
			err = fmt.Errorf("%w: it is %s: give a duration string, a number of seconds or a time.Duration", ErrBadTTL, arg)
		}
	}
	if err != nil {
		w.refuse(at, "%s: %s", what, strings.TrimPrefix(err.Error(), "fragment: "))
	}
}

// literalTTL returns the time to live of a block, where it is written out: it
// need not be read again on every render.
func literalTTL(arg parse.Node) (time.Duration, bool) {
	var ttl time.Duration
	var err error
	switch arg := arg.(type) {
	case *parse.StringNode:
		ttl, err = parseTTL(arg.Text)
	case *parse.NumberNode:
		if !arg.IsInt {
			return 0, false
		}
		ttl, err = parseTTL(arg.Int64)
	default:
		return 0, false
	}
	return ttl, err == nil
}

// checkUsing checks the name of a cache that is written out.
func (w *walker) checkUsing(cmd *parse.CommandNode) {
	if len(cmd.Args) != 2 || w.c.frags == nil {
		return
	}
	if s, ok := cmd.Args[1].(*parse.StringNode); ok {
		if _, err := w.c.frags.cacheNamed(s.Text); err != nil {
			w.refuse(cmd, "%s", err)
		}
	}
}
