package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/alexedwards/scs/v2"
)

// newSCS returns an scs manager with a context key of its own. scs.New would
// give it one too, but starts a goroutine for a store that is not used, and
// which cannot be stopped without a data race. The key is a private string; if
// an scs without it comes, scs.New it is.
func newSCS(owner *Manager) *scs.SessionManager {
	m := new(scs.SessionManager)
	field := reflect.ValueOf(m).Elem().FieldByName("contextKey")
	if !field.IsValid() || field.Kind() != reflect.String {
		return scs.New()
	}
	reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().SetString(fmt.Sprintf("echoic.session.%p", owner))
	return m
}

// keyProbe is a context that remembers the first key that it is asked for.
type keyProbe struct {
	context.Context
	key any
}

func (p *keyProbe) Value(key any) any {
	if p.key == nil {
		p.key = key
	}
	return nil
}

// learnKey finds out under which key m looks for the session in a context: a
// Load without token asks for nothing else, and does not use the store.
func learnKey(m *scs.SessionManager) (key any, err error) {
	probe := &keyProbe{Context: context.Background()}
	ctx, err := m.Load(probe, "")
	if err != nil {
		return nil, fmt.Errorf("session: learning the context key of scs: %w", err)
	}
	if probe.key == nil {
		return nil, errors.New("session: this version of scs does not look for sessions in the context: use v2.9.0")
	}
	data := ctx.Value(probe.key)
	defer func() {
		if r := recover(); r != nil {
			key, err = nil, fmt.Errorf("session: this version of scs finds sessions in another way (%v): use v2.9.0", r)
		}
	}()
	// A context that answers this key alone has to be enough.
	_ = m.Status(context.WithValue(context.Background(), probe.key, data))
	return probe.key, nil
}
