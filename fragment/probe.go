package fragment

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"text/template/parse"
)

// Names inside html/template. It has no public way to ask in which context a
// place is; what is not exactly as expected is refused, and selfTest checks
// that the running version still behaves so.
const (
	textEscaper   = "_html_template_htmlescaper" // what an action in HTML text gets
	derivedSuffix = "$htmltemplate_"             // copies of templates for other contexts
)

// checkContexts refuses blocks that can be reached anywhere but in HTML text.
// The same bytes would otherwise come out where they mean something else: what
// was recorded in text came out inside an attribute and a script.
//
// On a scratch copy it puts a probe at the start of every body, lets
// html/template escape every template without running any, and reads which
// escapers the probes got and which calls of templates were led to copies.
func (c *compiler) checkContexts() error {
	if len(c.blocks) == 0 && len(c.holes) == 0 {
		return nil
	}
	scratch, err := c.set.Clone()
	if err != nil {
		return fmt.Errorf("fragment: template set %q: %w", c.set.Name(), err)
	}
	for _, name := range c.names {
		insertProbes(scratch.Lookup(name).Tree.Root)
	}
	failed, err := escapeAll(scratch, c.names)
	if err != nil {
		return err
	}
	inText := make([]bool, len(c.blocks))
	var errs []error
	for _, name := range c.names {
		t := scratch.Lookup(name)
		if t == nil || t.Tree == nil {
			continue // it cannot be escaped on its own
		}
		visit(t.Tree.Root, func(node parse.Node) {
			switch n := node.(type) {
			case *parse.ActionNode:
				if id, text, ok := readProbe(n); ok {
					inText[id] = text
				}
			case *parse.TemplateNode:
				if err := c.checkDerived(t.Tree, n); err != nil {
					errs = append(errs, err)
				}
			}
		})
	}
	for i, b := range c.blocks {
		if !inText[i] {
			errs = append(errs, outsideText(b, failed[b.template]))
		}
	}
	errs = append(errs, c.checkHoles(scratch, failed)...)
	return errors.Join(errs...)
}

func insertProbes(root *parse.ListNode) {
	visit(root, func(node parse.Node) {
		n, ok := node.(*parse.IfNode)
		if !ok {
			return
		}
		fn, ok := n.Pipe.Cmds[0].Args[0].(*parse.IdentifierNode)
		if !ok {
			return
		}
		if number, ok := blockNumber(fn.Ident); ok {
			probe := snippet(fmt.Sprintf("{{%s %d}}", fnProbe, number))
			n.List.Nodes = slices.Concat(probe.Nodes, n.List.Nodes)
		}
	})
}

// readProbe returns the number of the block whose probe n is, and whether it
// was escaped as HTML text is: by the one escaper, and nothing else.
func readProbe(n *parse.ActionNode) (id int, text, ok bool) {
	cmd := n.Pipe.Cmds[0]
	if !calls(cmd, fnProbe) {
		return 0, false, false
	}
	number, ok := cmd.Args[1].(*parse.NumberNode)
	if !ok {
		return 0, false, false
	}
	text = len(n.Pipe.Cmds) == 2 && n.Pipe.Cmds[1].String() == textEscaper
	return int(number.Int64), text, true
}

// escapeAll makes html/template escape the named templates as if they were
// executed on their own. It returns what went wrong with which of them.
func escapeAll(set *template.Template, names []string) (map[string]error, error) {
	for i, name := range names {
		src := fmt.Sprintf("{{if false}}{{template %q .}}{{end}}", name)
		if _, err := set.New(wrapperName(i)).Parse(src); err != nil {
			return nil, fmt.Errorf("fragment: template %q: %w", name, err)
		}
	}
	failed := map[string]error{}
	for i, name := range names {
		if err := set.ExecuteTemplate(io.Discard, wrapperName(i), nil); err != nil {
			failed[name] = err
		}
	}
	return failed, nil
}

func wrapperName(i int) string { return fmt.Sprintf("%sescape%d", reserved, i) }

// checkDerived refuses the call of a copy that html/template derived for another
// context, if the original holds a block. A name that is not in the set is such
// a copy; one whose original cannot be told is refused, however it is spelt.
func (c *compiler) checkDerived(tree *parse.Tree, call *parse.TemplateNode) error {
	if c.defined(call.Name) || isOwnTemplate(call.Name) {
		return nil
	}
	if slices.Contains(c.graph.includes[tree.Name], call.Name) {
		return nil // as its author wrote it: a template that does not exist
	}
	original, where, known := strings.Cut(call.Name, derivedSuffix)
	known = known && c.defined(original)
	if known {
		c.noteDerived(original)
	}
	if known && !c.holdsBlock(original) {
		return nil
	}
	location, _ := tree.ErrorContext(call)
	if !known {
		return &LoadError{Location: location, Reason: fmt.Sprintf("{{template %q}}: %v", call.Name, ErrUnsupportedGo)}
	}
	return &LoadError{Location: location, Reason: fmt.Sprintf(
		"{{template %q}} holds a cached block or a hole and is called in %s, not in HTML text: use partialCached there", original, where)}
}

// holdsBlock reports whether a block or a hole is in the template or in what it calls by
// {{template}}; partials are escaped after the cache and do not count.
func (c *compiler) holdsBlock(name string) bool {
	reached := c.graph.included(name)
	return slices.ContainsFunc(c.blocks, func(b block) bool { return reached[b.template] }) ||
		slices.ContainsFunc(c.holes, func(h hole) bool { return reached[h.template] })
}

func outsideText(b block, cause error) error {
	if cause == nil {
		return &LoadError{Location: b.location, Reason: fmt.Sprintf(
			"fragment %q is not in HTML text but inside a tag, attribute, script, style, title or comment: use partialCached there", b.name)}
	}
	return &LoadError{Location: b.location, Reason: fmt.Sprintf("fragment %q: %v", b.name, cause), Err: cause}
}
