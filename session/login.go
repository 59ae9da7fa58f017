package session

import (
	"context"
	"errors"
)

// userKey is where the session keeps who is logged in.
const userKey = "__userID"

// Login makes the session of ctx that of a user: it gives it a new token, so
// that a token which somebody planted before is worth nothing, and then stores
// who it is. What the visitor had put into the session stays, unless it was
// another user's. The userID is any non-empty text by which the application
// knows the user.
//
// If the session has ended since it was loaded, by a second click on the login
// button for example, the user gets an empty one: who has just proved who he is
// gets in, and nothing of the ended session comes back.
func (m *Manager) Login(ctx context.Context, userID string) error {
	if userID == "" {
		return errors.New("session: Login with an empty user ID: pass what identifies the user")
	}
	v, err := m.enter(ctx)
	if err != nil {
		return err
	}
	since, err := m.stamp(ctx, userID)
	if err != nil {
		return err
	}
	own := v.view(ctx, 0)
	before := m.SessionManager.GetString(own, userKey)
	switch err := m.RenewToken(ctx); {
	case errors.Is(err, ErrSessionGone):
		if err := m.restart(ctx, v); err != nil {
			return err
		}
	case err != nil:
		return err
	case before != "" && before != userID:
		if err := m.SessionManager.Clear(own); err != nil {
			return err
		}
	}
	m.SessionManager.Put(own, userKey, userID)
	m.SessionManager.Put(own, loginKey, v.newLogin(since).text())
	return nil
}

// restart gives a request whose session has ended an empty one.
func (m *Manager) restart(ctx context.Context, v *visit) error {
	if err := m.conf().save.Destroy(v.view(ctx, restarting)); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.row, v.gone = row{}, false
	return nil
}

// Logout ends the session of ctx: its data are removed from the store, and the
// browser is told to forget the cookie. That it had ended already is not an
// error. What is put afterwards in the same request, a message for example,
// belongs to a new session.
func (m *Manager) Logout(ctx context.Context) error { return m.Destroy(ctx) }

// UserID returns who is logged in, or "". It touches the session.
func (m *Manager) UserID(ctx context.Context) string {
	return m.SessionManager.GetString(ctx, userKey)
}
