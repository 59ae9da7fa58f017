package fragment

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"reflect"
	"slices"
)

// The functions of templates.
const (
	fnCache   = "cache"         // {{ if cache name ttl vary… }} … {{ end }}
	fnCacheIf = "cacheIf"       // {{ if cacheIf cond name ttl vary… }} … {{ end }}
	fnPartial = "partialCached" // {{ partialCached template data ttl vary… }}
	fnTag     = "tag"           // {{ tag "quote:7" .Tags }}
	fnUsing   = "using"         // {{ if cache name ttl (using "shared") vary… }}
	fnContext = "ctx"           // {{ range .Latest ctx }}
	fnLive    = "live"          // {{ live "username" }}
)

// Names that only rewritten trees use. The prefixes are reserved.
const (
	reserved = "_frag_"
	fnEnd    = reserved + "end"
	fnProbe  = reserved + "probe"
	fnMany   = reserved + "many"
	fnWant   = reserved + "want"
	fnFetch  = reserved + "fetch"
	varItems = "$" + reserved + "items"
	varWant  = "$" + reserved + "wanted"

	fnWantPartial = reserved + "want_partial"
	fnHole        = reserved + "live"          // in place of live
	fnHere        = reserved + "partialCached" // in place of a partialCached that may bring holes

	varTag      = "$" + reserved + "tag"
	blockPrefix = "cache_frag_" // see blockFunc
)

// hidden are the functions of rewritten trees, apart from those of blocks.
var hidden = []string{fnEnd, fnProbe, fnMany, fnWant, fnWantPartial, fnFetch, fnHole, fnHere}

var ownFuncs = []string{fnCache, fnCacheIf, fnPartial, fnTag, fnUsing, fnContext, fnLive}

// ContextFuncs are template functions that are bound to the render: Go
// functions whose first parameter is a context.Context. Templates call them
// without it, and they get the context of the innermost open fragment. What
// such a function returns is stored with the fragments around it, so one that
// returns something of this visitor alone, a CSRF token or a nonce, calls
// cache.Private with its context; one that reads a session does so by itself.
type ContextFuncs map[string]any

// Funcs returns what a template set needs for parsing: the package's own
// functions (cache, cacheIf, partialCached, live, tag, using, ctx) and the given ones, so that
// their names are known. A [Renderer] binds the real ones, in place of any other
// functions of those names; a set that is executed directly gets errors from
// them.
func Funcs(contextFuncs ...ContextFuncs) template.FuncMap {
	m := template.FuncMap{}
	for _, name := range ownFuncs {
		m[name] = unbound(name)
	}
	for _, funcs := range contextFuncs {
		for name := range funcs {
			m[name] = unbound(name)
		}
	}
	return m
}

func unbound(name string) func(...any) (any, error) {
	return func(...any) (any, error) {
		return nil, fmt.Errorf("%s: this template set is executed directly: render it with a fragment.Renderer", name)
	}
}

// boundFunc makes the function that one instance calls.
type boundFunc struct {
	name string
	bind func(current func() context.Context) any
}

// binders checks the functions and prepares their binding.
func binders(funcs ContextFuncs) ([]boundFunc, error) {
	var out []boundFunc
	for name, fn := range funcs {
		if slices.Contains(ownFuncs, name) {
			return nil, fmt.Errorf("fragment: ContextFuncs[%q]: the name is the package's own: choose another", name)
		}
		b, err := binder(fn)
		if err != nil {
			return nil, fmt.Errorf("fragment: ContextFuncs[%q]: %w", name, err)
		}
		out = append(out, boundFunc{name, b})
	}
	return out, nil
}

// binder has short ways for the usual types; reflect.MakeFunc does the rest.
func binder(fn any) (func(func() context.Context) any, error) {
	switch f := fn.(type) {
	case func(context.Context) string:
		return func(current func() context.Context) any {
			return func() string { return f(current()) }
		}, nil
	case func(context.Context, string) string:
		return func(current func() context.Context) any {
			return func(s string) string { return f(current(), s) }
		}, nil
	case func(context.Context) template.HTML:
		return func(current func() context.Context) any {
			return func() template.HTML { return f(current()) }
		}, nil
	}
	v := reflect.ValueOf(fn)
	if err := checkContextFunc(v); err != nil {
		return nil, err
	}
	outer := v.Type()
	in := make([]reflect.Type, 0, outer.NumIn()-1)
	for i := 1; i < outer.NumIn(); i++ {
		in = append(in, outer.In(i))
	}
	out := make([]reflect.Type, outer.NumOut())
	for i := range out {
		out[i] = outer.Out(i)
	}
	inner := reflect.FuncOf(in, out, outer.IsVariadic())
	return func(current func() context.Context) any {
		return reflect.MakeFunc(inner, func(args []reflect.Value) []reflect.Value {
			args = slices.Insert(args, 0, reflect.ValueOf(current()))
			if outer.IsVariadic() {
				return v.CallSlice(args)
			}
			return v.Call(args)
		}).Interface()
	}, nil
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

func checkContextFunc(v reflect.Value) error {
	switch {
	case v.Kind() != reflect.Func:
		return fmt.Errorf("it is a %s: give a function", v.Kind())
	case v.IsNil():
		return errors.New("it is nil: give a function")
	case v.Type().NumIn() == 0 || v.Type().In(0) != contextType || (v.Type().NumIn() == 1 && v.Type().IsVariadic()):
		return errors.New("its first parameter is no context.Context: put it there, or parse the set with a plain function")
	}
	switch outs := v.Type().NumOut(); {
	case outs == 1, outs == 2 && v.Type().Out(1) == errorType:
		return nil
	}
	return errors.New("it must return one value, or a value and an error")
}
