package session

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
)

// settle brings the store up to date before the answer goes out, and returns
// the cookie that the client must get, or nil. A session that has ended
// meanwhile is neither an error nor a cookie: the answer of the slow request must
// not take the cookie of a login in parallel away.
func (v *visit) settle() (*http.Cookie, error) {
	if err := v.load(); err != nil {
		return nil, err
	}
	v.settled = v.accesses()
	ctx := v.view(context.WithoutCancel(v.Context), 0)
	switch v.m.SessionManager.Status(ctx) {
	case scs.Unmodified:
		if err := v.keepAlive(ctx); err != nil {
			v.m.logFailure(err) // what was read is right all the same
		}
		return nil, nil
	case scs.Destroyed:
		return v.farewell(), nil
	}
	if v.nothingToKeep(ctx) {
		return v.farewell(), nil
	}
	token, _, err := v.commit(ctx)
	switch {
	case errors.Is(err, ErrSessionGone):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if token == v.token && v.terms(ctx).sameCookie(v.was) {
		return nil, nil // the client has it
	}
	return v.cookie(ctx, token), nil
}

// nothingToKeep reports whether the visitor has put nothing into a session that
// is not stored.
func (v *visit) nothingToKeep(ctx context.Context) bool {
	v.mu.Lock()
	stored := v.row.token != "" || v.gone
	v.mu.Unlock()
	if stored {
		return false
	}
	keys := v.m.SessionManager.Keys(ctx)
	return len(keys) == 0 || len(keys) == 1 && keys[0] == rememberKey
}

// keepAlive moves the expiry of a session that was only read, at most once in a
// tenth of the idle timeout.
func (v *visit) keepAlive(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	idle := v.m.conf().save.IdleTimeout
	if idle == 0 || v.row.token == "" || v.gone {
		return nil
	}
	expiry := time.Now().Add(idle).UTC()
	if v.was.deadline.Before(expiry) {
		expiry = v.was.deadline
	}
	if expiry.Sub(v.row.expiry) < idle/10 {
		return nil
	}
	if v.m.conf().migrate != nil { // where an update would move the end of a tombstone
		_, err := v.replace(ctx, Record{Data: v.saved, Expiry: expiry}, 0)
		if errors.Is(err, errConflict) {
			return nil // changed, and so saved, by another request
		}
		return err
	}
	updated, err := v.m.update(ctx, v.row.key, Record{Expiry: expiry})
	if err != nil {
		return err
	}
	v.row.expiry, v.gone = expiry, !updated
	return nil
}

// settleLate saves what changed after the header had gone out. Only a session
// whose token the client already has can be saved then.
func (v *visit) settleLate() {
	if v.accesses() == 0 || v.load() != nil || v.accesses() == v.settled {
		return
	}
	v.settled = v.accesses()
	ctx := v.view(context.WithoutCancel(v.Context), belated)
	if v.m.SessionManager.Status(ctx) != scs.Modified || v.nothingToKeep(ctx) {
		return
	}
	token := v.m.SessionManager.Token(ctx)
	v.mu.Lock()
	known := token != "" && token == v.row.token
	v.mu.Unlock()
	if !known {
		v.m.cfg.Logger.Warn("session: changed after the answer had begun: the new token cannot reach the client, the change is lost")
		return
	}
	if _, _, err := v.commit(ctx); err != nil && !errors.Is(err, ErrSessionGone) {
		v.m.logFailure(err)
	}
}

// cookie returns the one for token. Unlike scs's it comes only where the client has
// another one: for a new session, a renewed token, or an end that has moved. An
// answer that is late, and changed only values, would else put the old token in the
// place of that of a login which was answered in the meantime; no later answer could
// tell. It is made after the store took the change, so a session that a login has
// ended by then sends none either.
func (v *visit) cookie(ctx context.Context, token string) *http.Cookie {
	now := v.terms(ctx)
	v.token, v.was = token, now
	cookie := v.m.bareCookie()
	cookie.Value = token
	if v.m.conf().save.Cookie.Persist || now.remember {
		cookie.Expires = time.Unix(now.deadline.Unix()+1, 0)
		cookie.MaxAge = int(time.Until(now.deadline).Seconds() + 1)
	}
	return cookie
}

// farewell returns the cookie that makes the browser forget the session, if
// this request has ended it.
func (v *visit) farewell() *http.Cookie {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.removed || v.gone {
		return nil
	}
	cookie := v.m.bareCookie()
	cookie.Expires, cookie.MaxAge = time.Unix(1, 0), -1
	return cookie
}

// bareCookie is the cookie without value and expiry.
func (m *Manager) bareCookie() *http.Cookie {
	c := &m.conf().save.Cookie
	return &http.Cookie{
		Name: c.Name, Domain: c.Domain, Path: c.Path, SameSite: c.SameSite,
		Secure: c.Secure, Partitioned: c.Partitioned, HttpOnly: c.HttpOnly,
	}
}

// setCookie adds the cookie to the header, in place of one of its name.
func setCookie(h http.Header, cookie *http.Cookie) {
	h["Set-Cookie"] = slices.DeleteFunc(slices.Clone(h["Set-Cookie"]), func(line string) bool {
		return strings.HasPrefix(line, cookie.Name+"=")
	})
	h.Add("Set-Cookie", cookie.String())
}
