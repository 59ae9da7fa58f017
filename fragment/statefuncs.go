package fragment

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/echoic-go/echoic/cache"
)

// current is the template function ctx.
func (s *state) current() context.Context { return s.ctx }

// toUsing is the template function using.
func toUsing(name string) Using { return Using(name) }

// tag is the template function tag: strings, and slices of strings.
func (s *state) tag(args ...any) (string, error) {
	for _, arg := range args {
		if err := tagAll(cache.ScopeOf(s.ctx), reflect.ValueOf(arg), 0); err != nil {
			return "", err
		}
	}
	return "", nil
}

func tagAll(scope *cache.Scope, v reflect.Value, depth int) error {
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch kind := v.Kind(); {
	case kind == reflect.String:
		scope.Tag(v.String())
		return nil
	case (kind == reflect.Slice || kind == reflect.Array) && depth < maxVaryDepth:
		for i := range v.Len() {
			if err := tagAll(scope, v.Index(i), depth+1); err != nil {
				return err
			}
		}
		return nil
	case kind == reflect.Invalid:
		return errors.New("tag: it is nil: give a string or a slice of strings")
	}
	return fmt.Errorf(`tag: it is a %s: give a string or a slice of strings, for example (printf "quote:%%d" .ID)`, v.Type())
}
