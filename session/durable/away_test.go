package durable_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/durable"
	"github.com/echoic-go/echoic/session/redis"
)

// TestDatabaseStopped: a database that says nothing any more delays no read of a
// copy, and changes fail within the time that they have.
func TestDatabaseStopped(t *testing.T) {
	t.Parallel()
	p, r := testenv.NewPostgres(t, testenv.PostgresConfig{}), testenv.Redis(t)
	s := open(t, openPostgres(t, p.Database(t)), redis.OpenConfig{URL: r.URL, Prefix: r.Prefix, SocketTimeout: patience}, !calm)
	await(t, s)
	rec := session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour)}
	_, err := s.Insert(t.Context(), "k", rec)
	must(t, err)
	await(t, s)
	p.Stop()
	defer p.Cont()
	reads := 0
	testenv.Eventually(t, patience, func() bool { // as often as a busy machine lets them be in time
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, found, err := s.Fetch(ctx, "k"); err == nil && found && string(got.Data) == "x" {
			reads++
		}
		return reads == 100
	}, "the copy is read")
	for name, change := range map[string]func() (bool, error){
		"insert": func() (bool, error) { return s.Insert(t.Context(), "new", rec) },
		"update": func() (bool, error) { return s.Update(t.Context(), "k", rec) },
		"swap":   func() (bool, error) { return s.Swap(t.Context(), "k", rec.Data, rec) },
		"remove": func() (bool, error) { return s.Remove(t.Context(), "k") },
		"touch":  func() (bool, error) { return s.Update(t.Context(), "k", session.Record{Expiry: rec.Expiry}) },
	} {
		begun := time.Now()
		if done, err := change(); done || err == nil {
			t.Errorf("%s: %v, %v, want an error", name, done, err)
		}
		if took := time.Since(begun); took > patience {
			t.Errorf("%s took %v", name, took)
		}
	}
	p.Cont()
	testenv.Eventually(t, patience, func() bool {
		done, err := s.Update(t.Context(), "k", session.Record{Data: []byte("y"), Expiry: rec.Expiry})
		return done && err == nil
	}, "the session can be changed again")
	if got, found, err := s.Fetch(t.Context(), "k"); err != nil || !found || string(got.Data) != "y" {
		t.Errorf("Fetch: %q, %v, %v", got.Data, found, err)
	}
}

// TestUnheard: copies are read for as long after the database was last heard as the
// documentation says, and not longer.
func TestUnheard(t *testing.T) {
	t.Parallel()
	p, r := testenv.NewPostgres(t, testenv.PostgresConfig{}), testenv.Redis(t)
	begun := time.Now()
	var jumped atomic.Int64
	now := func() time.Time { return begun.Add(time.Duration(jumped.Load())) } // else it stands still
	cfg := redis.OpenConfig{URL: r.URL, Prefix: r.Prefix, SocketTimeout: patience}
	s := openWith(t, openPostgres(t, p.Database(t)), cfg, func(cfg durable.Config) (*durable.Store, error) {
		return durable.OpenAt(t.Context(), cfg, patience, now)
	})
	_, err := s.Insert(t.Context(), "k", session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour)})
	must(t, err)
	await(t, s)
	p.Kill()
	jumped.Store(int64(durable.Unheard))
	if got, found, err := s.Fetch(t.Context(), "k"); err != nil || !found || string(got.Data) != "x" {
		t.Errorf("after %v: %q, %v, %v, want the copy", durable.Unheard, got.Data, found, err)
	}
	jumped.Store(int64(durable.Unheard) + 1)
	if got, found, err := s.Fetch(t.Context(), "k"); err == nil {
		t.Errorf("after more than %v: %q, %v, want an error", durable.Unheard, got.Data, found)
	}
}

// touches counts what moves an expiry in a database.
type touches struct {
	durable.Database
	n atomic.Int32
}

func (c *touches) Update(ctx context.Context, key string, rec session.Record) (bool, error) {
	if rec.Data == nil {
		c.n.Add(1)
	}
	return c.Database.Update(ctx, key, rec)
}

// visits returns what makes one request that reads its session.
func visits(t *testing.T, m *session.Manager, token string) func() {
	h := m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if user := m.UserID(r.Context()); user != "ann" {
			t.Errorf("user %q", user)
		}
	}))
	return func() {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "session", Value: token})
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// TestTouch: who only reads has his session's end moved when a tenth of the idle
// timeout has passed, in the database and in the copy, and not more often.
func TestTouch(t *testing.T) {
	t.Parallel()
	r := testenv.Redis(t)
	counted := &touches{Database: databases()["sqlite"](t)()}
	s := open(t, counted, redis.OpenConfig{URL: r.URL, Prefix: r.Prefix, SocketTimeout: patience}, calm)
	await(t, s)
	const idle = 100 * time.Hour
	m, err := session.New(session.Config{Store: s, Lifetime: 10 * idle, IdleTimeout: idle, StoreBudget: long, Timeout: long})
	must(t, err)
	token := login(t, m, "ann")
	serve := visits(t, m, token)
	for range 20 {
		serve()
	}
	if n := counted.n.Load(); n != 0 {
		t.Errorf("a new session was touched %d times", n)
	}
	passed := session.Record{Expiry: time.Now().Add(idle - idle/5)} // as if a fifth had passed
	if done, err := s.Update(t.Context(), token, passed); !done || err != nil {
		t.Fatal(done, err)
	}
	counted.n.Store(0)
	for range 20 {
		serve()
	}
	if n := counted.n.Load(); n != 1 {
		t.Errorf("touched %d times, want once", n)
	}
	for name, store := range map[string]session.Store{"the database": counted, "the copy": s} {
		rec, _, err := store.Fetch(t.Context(), token)
		if left := time.Until(rec.Expiry); err != nil || left < idle-time.Hour {
			t.Errorf("in %s it ends in %v, %v, want %v", name, left, err, idle)
		}
	}
}

// TestGarbledEpoch: what cannot be read in the place of the epoch is replaced, and
// no copy of before is read again.
func TestGarbledEpoch(t *testing.T) {
	t.Parallel()
	for name, garbage := range map[string]string{"text": "garbage", "empty": "{}", "null": "null", "cut": `{"id":"A`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, path := testenv.Redis(t), filepath.Join(t.TempDir(), "sessions.db")
			own := openSQLite(t, path)
			cfg := redis.OpenConfig{URL: r.URL, Prefix: r.Prefix, SocketTimeout: patience}
			s := open(t, openSQLite(t, path), cfg, calm)
			await(t, s)
			rec := func(text string) session.Record {
				return session.Record{Data: []byte(text), Expiry: time.Now().Add(time.Hour)}
			}
			_, err := s.Insert(t.Context(), "k", rec("old"))
			must(t, err)
			before := s.Epoch()
			done, err := own.Update(t.Context(), durable.EpochKey, rec(garbage))
			if must(t, err); !done {
				t.Fatal("there is no epoch")
			}
			_, err = own.Update(t.Context(), "k", rec("new")) // behind its back: only a new epoch shows it
			must(t, err)
			testenv.Eventually(t, patience, func() bool { return s.Epoch() != "" && s.Epoch() != before }, "a new epoch begins")
			if got, found, err := s.Fetch(t.Context(), "k"); err != nil || !found || string(got.Data) != "new" {
				t.Errorf("Fetch: %q, %v, %v, want what the database has", got.Data, found, err)
			}
			if done, err := s.Insert(t.Context(), "l", rec("x")); !done || err != nil {
				t.Errorf("Insert: %v, %v", done, err)
			}
			fresh := open(t, openSQLite(t, path), cfg, calm)
			await(t, s, fresh)
		})
	}
}

// TestGarbledEpochAtOnce: servers that find it at the same time agree.
func TestGarbledEpochAtOnce(t *testing.T) {
	t.Parallel()
	r, path := testenv.Redis(t), filepath.Join(t.TempDir(), "sessions.db")
	cfg := redis.OpenConfig{URL: r.URL, Prefix: r.Prefix, SocketTimeout: patience}
	own := openSQLite(t, path)
	_, err := own.Insert(t.Context(), durable.EpochKey, session.Record{Data: []byte("garbage"), Expiry: time.Now().Add(time.Hour)})
	must(t, err)
	await(t, open(t, openSQLite(t, path), cfg, calm), open(t, openSQLite(t, path), cfg, calm), open(t, openSQLite(t, path), cfg, calm))
}

// TestIndexer: whose sessions there are is known, and ended, while Redis is gone;
// when it is back with its old copies they stay ended.
func TestIndexer(t *testing.T) {
	t.Parallel()
	for kind, fresh := range databases() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db, r := fresh(t), testenv.NewRedis(t, testenv.RedisConfig{})
			cfg := redis.OpenConfig{URL: r.URL}
			a, b := open(t, db(), cfg, !calm), open(t, db(), cfg, !calm)
			await(t, a, b)
			one, two := manager(t, a), manager(t, b)
			ann, other, bob := login(t, one, "ann"), login(t, two, "ann"), login(t, one, "bob")
			bob2 := login(t, two, "bob")
			for _, token := range []string{ann, other, bob, bob2} {
				read(t, one, token, "k")
				read(t, two, token, "k")
			}
			if _, err := r.Do("SAVE"); err != nil {
				t.Fatal(err)
			}
			r.Kill()
			if list, err := two.UserSessions(t.Context(), "ann"); err != nil || len(list) != 2 {
				t.Errorf("UserSessions: %d, %v, want 2", len(list), err)
			}
			if n, err := one.Revoke(t.Context(), "ann"); n != 2 || err != nil {
				t.Errorf("Revoke: %d, %v, want 2", n, err)
			}
			ctx := one.Context(t.Context(), bob)
			if n, err := one.RevokeOthers(ctx); n != 1 || err != nil {
				t.Errorf("RevokeOthers: %d, %v, want 1", n, err)
			}
			renewed, _, err := one.Commit(ctx)
			must(t, err)
			again := login(t, two, "ann") // who logs in afterwards gets in
			look := func(when string) {
				t.Helper()
				for _, m := range []*session.Manager{one, two} {
					for token, want := range map[string]string{ann: "", other: "", bob: "", bob2: "", renewed: "bob", again: "ann"} {
						if user, _ := read(t, m, token, "k"); user != want {
							t.Errorf("%s: user %q, want %q", when, user, want)
						}
					}
				}
			}
			look("while Redis is gone")
			r.Restart()
			look("when it is back")
			await(t, a, b)
			look("from copies")
			look("from copies that are there")
			if list, err := two.UserSessions(t.Context(), "ann"); err != nil || len(list) != 1 {
				t.Errorf("UserSessions: %d, %v, want 1", len(list), err)
			}
		})
	}
}
