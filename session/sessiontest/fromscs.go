package sessiontest

import (
	"encoding/gob"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/echoic-go/echoic/session"
)

// FromSCS requires that sessions which a plain scs application has written to
// stock are found, with their values and until their end. old is the same place as
// a session.Store, fresh another one: nil if it is the same.
func FromSCS(t *testing.T, stock scs.Store, old, fresh session.Store) {
	t.Helper()
	began := time.Now().UTC().Round(0)
	cookie := oldCookie(t, stock, began)
	a := newAdopter(t, old, fresh)
	had := []*http.Cookie{cookie}
	for range 2 {
		if set := a.ask(had, func(r *http.Request) { a.wantOld(r, began) }); len(set) != 0 {
			t.Errorf("reading sets %v", set)
		}
	}
	if _, found, err := stock.Find(cookie.Value); found || err != nil {
		t.Errorf("the old record is still there: %v, %v", found, err)
	}
	a.ask(had, func(r *http.Request) { a.Put(r.Context(), "name", "Ann") })
	login := a.ask(had, func(r *http.Request) {
		if a.GetString(r.Context(), "name") != "Ann" {
			t.Error("a change is lost")
		}
		if err := a.Login(r.Context(), "42"); err != nil {
			t.Error(err)
		}
	})
	if len(login) != 1 || login[0].Name != "__Host-session" || login[0].Value == cookie.Value {
		t.Fatalf("a login sets %v, want a new token in the new cookie", login)
	}
	a.logOut(append(had, login...))
}

// oldCookie makes a session with scs and returns its cookie.
func oldCookie(t *testing.T, stock scs.Store, since time.Time) *http.Cookie {
	t.Helper()
	gob.Register(time.Time{})   // as applications of scs have to
	app := &scs.SessionManager{ // scs.New starts a goroutine that nobody can end
		Store: stock, Codec: scs.GobCodec{}, Lifetime: 3 * time.Hour, Cookie: scs.SessionCookie{Name: "scs_session", Path: "/", Persist: true},
		ErrorFunc: func(_ http.ResponseWriter, _ *http.Request, err error) { t.Error(err) },
	}
	put := func(_ http.ResponseWriter, r *http.Request) {
		app.Put(r.Context(), "authenticatedUserID", 42)
		app.Put(r.Context(), "name", "Anne")
		app.Put(r.Context(), "since", since)
	}
	answer := httptest.NewRecorder()
	app.LoadAndSave(http.HandlerFunc(put)).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	cookies := answer.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("scs sets %v", cookies)
	}
	return cookies[0]
}

// adopter is an application that takes over what oldCookie made.
type adopter struct {
	*session.Manager
	t *testing.T
}

func newAdopter(t *testing.T, old, fresh session.Store) adopter {
	t.Helper()
	codec, err := session.NewCBOR(session.CBORConfig{ReadGob: true})
	if err != nil {
		t.Fatal(err)
	}
	cfg := session.Config{
		Store: old, HashTokens: true, Codec: codec, Cookie: session.Cookie{Name: "__Host-session", Secure: true},
		Compat: session.Compat{CookieName: "scs_session", UnhashedTokens: true}, StoreBudget: time.Minute,
	}
	if fresh != nil {
		cfg.Store, cfg.MigrateFrom = fresh, old
	}
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return adopter{m, t}
}

// ask makes a request with the cookies and returns those that it sets.
func (a adopter) ask(cookies []*http.Cookie, handle func(r *http.Request)) []*http.Cookie {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	answer := httptest.NewRecorder()
	a.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { handle(r) })).ServeHTTP(answer, r)
	return answer.Result().Cookies()
}

// wantOld requires the values of oldCookie.
func (a adopter) wantOld(r *http.Request, since time.Time) {
	a.t.Helper()
	ctx := r.Context()
	if a.GetInt(ctx, "authenticatedUserID") != 42 || a.GetString(ctx, "name") != "Anne" || !a.GetTime(ctx, "since").Equal(since) {
		a.t.Errorf("values %v, %v, %v", a.Get(ctx, "authenticatedUserID"), a.Get(ctx, "name"), a.Get(ctx, "since"))
	}
	if left := time.Until(a.Deadline(ctx)); left < 2*time.Hour || left > 3*time.Hour {
		a.t.Errorf("it ends in %v, want 3 h after the old application made it", left)
	}
}

// logOut requires that a logout takes both cookies away, and that neither opens
// anything afterwards.
func (a adopter) logOut(had []*http.Cookie) {
	a.t.Helper()
	out := a.ask(had, func(r *http.Request) {
		if a.UserID(r.Context()) != "42" {
			a.t.Error("the new cookie does not count before the old one")
		}
		if err := a.Logout(r.Context()); err != nil {
			a.t.Error(err)
		}
	})
	if len(out) != 2 || out[0].MaxAge >= 0 || out[1].MaxAge >= 0 {
		a.t.Errorf("a logout sets %v, want both cookies deleted", out)
	}
	for _, c := range had {
		a.ask([]*http.Cookie{c}, func(r *http.Request) {
			if a.Exists(r.Context(), "name") {
				a.t.Errorf("%s opens a session that has ended", c.Name)
			}
		})
	}
}
