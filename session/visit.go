package session

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// visit is the session of one request, and the context through which it is
// reached. It answers scs's private context key, and loads the session when the
// key is first asked for: that is how touching the session is noticed, whoever
// does it.
type visit struct {
	context.Context // of the request, without this session

	m       *Manager
	request *http.Request // nil outside of one
	token   string        // as the client presented it, or empty
	reads   tally
	apart   tally          // reads and writes that no scope is told of
	varied  *varied        // nil if nothing can be shared
	assumed *cache.Assumed // nil for a request of a visitor
	// allowance is what the request may spend on stores.
	allowance allowance
	denied    atomic.Bool // somebody touched the session and it could not be loaded
	once      sync.Once
	*loaded   // nil until load; apart, since most requests do without
}

// tally counts what one request does: 32 bits are enough, and keep a visit small.
type tally struct{ n atomic.Uint32 }

func (t *tally) Add(n uint32) uint64 { return uint64(t.n.Add(n)) }
func (t *tally) Load() uint64        { return uint64(t.n.Load()) }

// loaded is what a visit knows once the session has been asked for.
type loaded struct {
	listed *Entry // comes from Iterate, not from a request
	data   any    // scs's session
	err    error  // why there is none
	was    terms  // when it was loaded

	mu      sync.Mutex
	row     row    // what is known to be in the store
	gone    bool   // the row that we knew has ended
	removed bool   // by us, and not for a new token
	saved   []byte // what is stored there, as last read or written
	wrote   bool   // saved is what this request wrote
	settled uint64 // reads when it was written
	// prolonged is whose session is being saved, if it ends later than before.
	prolonged Owner
}

var _ cache.Source = (*visit)(nil)

// terms are what the cookie depends on besides the token.
type terms struct {
	deadline time.Time
	remember bool
}

// sameCookie reports whether cookies look the same, which count in seconds.
func (t terms) sameCookie(other terms) bool {
	return t.remember == other.remember && t.deadline.Unix() == other.deadline.Unix()
}

// rememberKey is where scs's RememberMe keeps its choice.
const rememberKey = "__rememberMe"

type visitKey struct{ m *Manager }

// visit returns the session of ctx, if this manager made one.
func (m *Manager) visit(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{m}).(*visit)
	return v
}

// Value answers the keys of scs, of the cache's Scope and our own.
func (v *visit) Value(key any) any {
	switch k := key.(type) {
	case cache.SourceKey:
		return v.source()
	case cache.VariantsKey:
		if v.varied != nil {
			return v.m
		}
	case cache.BudgetKey:
		return v.budgetUnder(v.Context)
	case visitKey:
		if k.m == v.m {
			return v
		}
	default:
		if key == v.m.key {
			return v.touch()
		}
	}
	return v.Context.Value(key)
}

// Reads counts how often the session was read or written, together with that of
// another manager under the same request.
func (v *visit) Reads() uint64 {
	n := v.reads.Load()
	if outer, ok := v.Context.Value(cache.SourceKey{}).(cache.Source); ok {
		n += outer.Reads()
	}
	return n
}

// reason is what explanations of the cache say.
const reason = "session"

// Reason implements cache.Source.
func (v *visit) Reason() string { return reason }

// String keeps the token out of whatever prints contexts.
func (v *visit) String() string { return "session.Context" }

// GoString is String for %#v.
func (v *visit) GoString() string { return v.String() }

// touch counts an access and returns scs's session. It panics if the session
// cannot be loaded, since scs has no error to return, and an empty session would
// turn an outage into a logout.
func (v *visit) touch() any {
	v.noteAccess()
	if err := v.load(); err != nil {
		v.denied.Store(true)
		panic(err)
	}
	return v.data
}

// noteAccess counts an access. Scopes that were opened under this context see
// the count; those that were open before are told.
func (v *visit) noteAccess() {
	if v.reads.Add(1) == 1 {
		cache.Private(v.Context, reason)
	}
}

// load loads the session once. The error is a *StoreError.
func (v *visit) load() error {
	v.once.Do(v.loadNow)
	return v.err
}

func (v *visit) loadNow() {
	if v.loaded == nil {
		v.loaded = new(loaded)
	}
	if v.assumed != nil {
		v.err = v.refuse()
		return
	}
	conf := v.m.conf()
	if conf.err != nil {
		v.err = &StoreError{Op: "load", Err: conf.err}
		return
	}
	token := v.token
	switch {
	case v.listed != nil:
		token = v.listed.Key
	case !wellFormed(token):
		token = ""
	}
	ctx, err := conf.load.Load(v.view(v.Context, 0), token)
	var unreadable *unreadableError
	switch {
	case errors.Is(err, errExpired):
	case errors.As(err, &unreadable):
		v.m.logFailure(unreadable)
	case err != nil:
		v.err = err
		return
	}
	if err != nil {
		// The row is not ours to write: what it holds is not known.
		v.row = row{}
		ctx, v.err = conf.load.Load(v.view(v.Context, 0), "")
	}
	if v.err == nil {
		v.data = ctx.Value(v.m.key)
		v.was = v.terms(v.view(v.Context, 0))
	}
}

// terms returns those of the session as it is now.
func (v *visit) terms(ctx context.Context) terms {
	scs := v.m.SessionManager
	return terms{deadline: scs.Deadline(ctx), remember: scs.GetBool(ctx, rememberKey)}
}

// purpose tells the bridge why scs calls it, where that matters.
type purpose uint8

const (
	renewing    purpose = iota + 1 // the row must be there
	destroying                     // it need not be
	restarting                     // nothing is removed
	belated                        // after the header: only what has changed
	overwriting                    // by the embedded manager, which cannot merge
)

type purposeKey struct{}

// view is a context under which the session is reached without counting as
// touched: for the manager's own work.
type view struct {
	context.Context
	v       *visit
	purpose purpose
}

func (v *visit) view(ctx context.Context, p purpose) *view { return &view{ctx, v, p} }

// Value answers with what has been loaded so far.
func (c *view) Value(key any) any {
	switch k := key.(type) {
	case visitKey:
		if k.m == c.v.m {
			return c.v
		}
	case purposeKey:
		return c.purpose
	case cache.BudgetKey:
		return c.v.budgetUnder(c.Context)
	default:
		if key == c.v.m.key {
			return c.v.data
		}
	}
	return c.Context.Value(key)
}

// String keeps the token out of whatever prints contexts.
func (c *view) String() string { return c.v.String() }

// GoString is String for %#v.
func (c *view) GoString() string { return c.String() }
