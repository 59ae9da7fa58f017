package fragment

import (
	"fmt"
	"html/template"
)

// instance is a clone of a set whose functions are bound to one state. It
// serves one render at a time, and the next when that is over: html/template
// binds functions to a set, so renders that run at once need sets of their own.
type instance struct {
	set   *template.Template
	state state
}

// take returns an idle instance or makes one.
func (s *set) take(funcs []boundFunc) (in *instance, made bool, err error) {
	select {
	case in = <-s.idle:
		return in, false, nil
	default:
	}
	clone, err := s.base.Clone()
	if err != nil {
		return nil, false, fmt.Errorf("fragment: template set %q: %w", s.base.Name(), err)
	}
	in = &instance{set: clone}
	st := &in.state
	st.set, st.templates = s, clone
	bound := template.FuncMap{
		fnEnd: st.end, fnMany: st.many, fnWant: st.want, fnWantPartial: st.wantPartial, fnFetch: st.fetch,
		fnHole: st.hole, fnHere: st.partialHere,
		fnPartial: st.partial, fnTag: st.tag, fnUsing: toUsing, fnContext: st.current,
	}
	for i := range s.blocks {
		bound[s.blocks[i].fn] = st.blockFunc(&s.blocks[i])
	}
	for _, f := range funcs {
		bound[f.name] = f.bind(st.current)
	}
	clone.Funcs(bound)
	return in, true, nil
}

// give keeps the instance for another render, if there is room. The pool is a
// channel and not a sync.Pool: a garbage collection would throw the clones
// away, which took long to make.
func (s *set) give(in *instance) {
	select {
	case s.idle <- in:
	default:
	}
}
