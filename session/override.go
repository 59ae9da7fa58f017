package session

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// The methods of scs that load, save or end a session, so that each works under
// a context that loads lazily and cannot bring back what has ended.

// Context returns a context that loads the session of token when it is touched,
// for work outside of a request. If ctx has a session of this manager already,
// that one stays.
func (m *Manager) Context(ctx context.Context, token string) context.Context {
	if m.visit(ctx) != nil {
		return ctx
	}
	return &visit{Context: ctx, m: m, token: token, varied: m.newVaried(), assumed: assumedIn(ctx)}
}

// Preload loads the session of ctx, if that has not happened yet, and returns
// the *StoreError with which touching it would panic. It is for routes that have
// an answer without a session; what they say then is not cached. It does not
// count as touching the session.
func (m *Manager) Preload(ctx context.Context) error {
	v := m.visit(ctx)
	if v == nil {
		return ErrUnmanaged
	}
	err := v.load()
	if err != nil {
		unstorable(ctx)
	}
	return err
}

// Load returns a context with the session of token, loaded from the store. An
// unknown token gives an empty session, which gets a token of its own when it is
// saved. If ctx has a session of this manager already, that one stays.
func (m *Manager) Load(ctx context.Context, token string) (context.Context, error) {
	ctx = m.Context(ctx, token)
	if err := m.visit(ctx).load(); err != nil {
		return nil, err
	}
	return ctx, nil
}

// Commit saves the session of ctx whether or not it has changed, and returns
// its token and expiry. It returns [ErrSessionGone] if the session has ended
// meanwhile, and a *[StoreError] or *[SizeError].
func (m *Manager) Commit(ctx context.Context) (token string, expiry time.Time, err error) {
	v, err := m.enter(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	return v.commit(v.view(ctx, 0))
}

// Destroy ends the session of ctx: its data are removed from the store and from
// ctx. What is put afterwards in the same request belongs to a new session. That
// the session had ended already is not an error.
func (m *Manager) Destroy(ctx context.Context) error {
	v, err := m.enter(ctx)
	if err != nil {
		return err
	}
	return m.conf().save.Destroy(v.view(ctx, destroying))
}

// RenewToken gives the session of ctx a new token and a new lifetime; the old
// token is worth nothing from now on. It has to be called before privileges
// change; [Manager.Login] does. It returns [ErrSessionGone] if the session has
// ended since it was loaded.
func (m *Manager) RenewToken(ctx context.Context) error {
	v, err := m.enter(ctx)
	if err != nil {
		return err
	}
	if v.ended() {
		return ErrSessionGone
	}
	return m.conf().save.RenewToken(v.view(ctx, renewing))
}

// WriteSessionCookie adds the session's cookie to the header of w, or with a
// zero expiry one that makes the browser forget it. Sessions, LoadAndSave and
// Login do it by themselves.
func (m *Manager) WriteSessionCookie(ctx context.Context, w http.ResponseWriter, token string, expiry time.Time) {
	if v := m.visit(ctx); v != nil && v.load() == nil {
		ctx = v.view(ctx, 0)
	}
	m.conf().save.WriteSessionCookie(ctx, w, token, expiry)
}

// MergeSession takes over the values and the longer lifetime of the session of
// token, and ends that one, for tokens that were lost across a redirect. The
// session of ctx is saved first, so that a failure loses nothing. Without a
// session of that token it does nothing. It returns [ErrSessionGone] if one of
// the two ended meanwhile; then nothing was taken over.
//
// If that is the session of a user who is logged in, the session of ctx becomes
// his and gets a new token; if it was another user's, it is an error.
func (m *Manager) MergeSession(ctx context.Context, token string) error {
	v, err := m.enter(ctx)
	if err != nil {
		return err
	}
	own := v.view(ctx, 0)
	switch {
	case v.ended():
		return ErrSessionGone
	case !wellFormed(token) || token == m.SessionManager.Token(own):
		return nil
	}
	key := m.conf().storeKey(token)
	rec, found, err := m.find(ctx, token)
	if err != nil || !found {
		return err
	}
	deadline, values, err := m.conf().load.Codec.Decode(rec.Data)
	if errors.Is(err, errExpired) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := v.takeUser(ctx, values); err != nil {
		return err
	}
	undo := m.takeOver(own, deadline, values)
	if _, _, err := v.commit(own); err != nil {
		undo()
		return err
	}
	removed, err := m.remove(ctx, key)
	if err != nil || removed {
		return err
	}
	// The source ended between the two steps: its values must not live on.
	undo()
	if _, _, err := v.commit(own); err != nil {
		return err
	}
	return ErrSessionGone
}

// takeUser prepares the session of ctx to become that of the user in values: with
// its privileges its token has to change.
func (v *visit) takeUser(ctx context.Context, values map[string]any) error {
	mine, _ := v.login(v.view(ctx, 0))
	theirs, _ := loginIn(values)
	switch {
	case theirs == "":
		return nil
	case mine == "":
		return v.m.RenewToken(ctx)
	case mine != theirs:
		return errors.New("session: MergeSession with the session of another user: log out before")
	}
	delete(values, loginKey) // the login of ctx stays
	return nil
}

// takeOver puts values into the session of ctx and returns what takes them out.
func (m *Manager) takeOver(ctx context.Context, deadline time.Time, values map[string]any) (undo func()) {
	own := m.SessionManager
	before, had := make(map[string]any), own.Deadline(ctx)
	for key, value := range values {
		if own.Exists(ctx, key) {
			before[key] = own.Get(ctx, key)
		}
		own.Put(ctx, key, value)
	}
	if deadline.After(had) {
		own.SetDeadline(ctx, deadline)
	}
	return func() {
		for key := range values {
			if value, ok := before[key]; ok {
				own.Put(ctx, key, value)
			} else {
				own.Remove(ctx, key)
			}
		}
		own.SetDeadline(ctx, had)
	}
}

// enter loads the session of ctx for a method that counts as touching it.
func (m *Manager) enter(ctx context.Context) (*visit, error) {
	v := m.visit(ctx)
	if v == nil {
		return nil, ErrUnmanaged
	}
	if isApart(ctx, m) {
		v.apart.Add(1)
	} else {
		v.noteAccess()
	}
	return v, v.load()
}

// ended reports whether the session is known to have ended.
func (v *visit) ended() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.gone
}
