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
	gob.Register(time.Time{})   // as applications of scs have to
	app := &scs.SessionManager{ // scs.New starts a goroutine that nobody can end
		Store: stock, Codec: scs.GobCodec{}, Lifetime: 3 * time.Hour, Cookie: scs.SessionCookie{Name: "scs_session", Path: "/", Persist: true},
		ErrorFunc: func(_ http.ResponseWriter, _ *http.Request, err error) { t.Error(err) },
	}
	now := time.Now().UTC().Round(0)
	put := func(w http.ResponseWriter, r *http.Request) {
		app.Put(r.Context(), "authenticatedUserID", 42)
		app.Put(r.Context(), "name", "Anne")
		app.Put(r.Context(), "since", now)
	}
	answer := httptest.NewRecorder()
	app.LoadAndSave(http.HandlerFunc(put)).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	cookie := answer.Result().Cookies()[0]

	codec, err := session.NewCBOR(session.CBORConfig{ReadGob: true})
	if err != nil {
		t.Fatal(err)
	}
	cfg := session.Config{
		Store: old, HashTokens: true, Codec: codec, Cookie: session.Cookie{Name: "__Host-session", Secure: true},
		Compat: session.Compat{CookieName: "scs_session", UnhashedTokens: true},
	}
	if fresh != nil {
		cfg.Store, cfg.MigrateFrom = fresh, old
	}
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(cookies []*http.Cookie, handle func(r *http.Request)) []*http.Cookie {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		answer := httptest.NewRecorder()
		m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { handle(r) })).ServeHTTP(answer, r)
		return answer.Result().Cookies()
	}
	read := func(r *http.Request) {
		ctx := r.Context()
		if m.GetInt(ctx, "authenticatedUserID") != 42 || m.GetString(ctx, "name") != "Anne" || !m.GetTime(ctx, "since").Equal(now) {
			t.Errorf("values %v, %v, %v", m.Get(ctx, "authenticatedUserID"), m.Get(ctx, "name"), m.Get(ctx, "since"))
		}
		if left := time.Until(m.Deadline(ctx)); left < 2*time.Hour || left > 3*time.Hour {
			t.Errorf("it ends in %v, want 3 h after the old application made it", left)
		}
	}
	had := []*http.Cookie{cookie}
	for range 2 {
		if set := ask(had, read); len(set) != 0 {
			t.Errorf("reading sets %v", set)
		}
	}
	if _, found, err := stock.Find(cookie.Value); found || err != nil {
		t.Errorf("the old record is still there: %v, %v", found, err)
	}
	ask(had, func(r *http.Request) { m.Put(r.Context(), "name", "Ann") })
	login := ask(had, func(r *http.Request) {
		if m.GetString(r.Context(), "name") != "Ann" {
			t.Error("a change is lost")
		}
		if err := m.Login(r.Context(), "42"); err != nil {
			t.Error(err)
		}
	})
	if len(login) != 1 || login[0].Name != "__Host-session" || login[0].Value == cookie.Value {
		t.Fatalf("a login sets %v, want a new token in the new cookie", login)
	}
	had = append(had, login...)
	out := ask(had, func(r *http.Request) {
		if m.UserID(r.Context()) != "42" {
			t.Error("the new cookie does not count before the old one")
		}
		if err := m.Logout(r.Context()); err != nil {
			t.Error(err)
		}
	})
	if len(out) != 2 || out[0].MaxAge >= 0 || out[1].MaxAge >= 0 {
		t.Errorf("a logout sets %v, want both cookies deleted", out)
	}
	for _, c := range had {
		ask([]*http.Cookie{c}, func(r *http.Request) {
			if m.Exists(r.Context(), "name") {
				t.Errorf("%s opens a session that has ended", c.Name)
			}
		})
	}
}
