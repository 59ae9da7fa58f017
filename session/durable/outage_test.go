package durable_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/durable"
	"github.com/echoic-go/echoic/session/redis"
)

const users = 100

// TestOutage: 100 users through an outage of 5 s. All are logged in during it and
// afterwards, on both servers, and what was changed during it is there.
func TestOutage(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]struct {
		begin, end func(*testenv.RedisServer)
	}{
		"killed":  {(*testenv.RedisServer).Kill, (*testenv.RedisServer).Restart},
		"stopped": {(*testenv.RedisServer).Stop, (*testenv.RedisServer).Cont},
	} {
		for kind, fresh := range databases() {
			t.Run(name+" before "+kind, func(t *testing.T) {
				t.Parallel()
				outage(t, fresh(t), how.begin, how.end)
			})
		}
	}
}

func outage(t *testing.T, db func() durable.Database, begin, end func(*testenv.RedisServer)) {
	r := testenv.NewRedis(t, testenv.RedisConfig{})
	cfg := redis.OpenConfig{URL: r.URL}
	a, b := open(t, db(), cfg, !calm), open(t, db(), cfg, !calm)
	await(t, a, b)
	one, two := manager(t, a), manager(t, b)
	tokens := make([]string, users)
	for n := range users {
		tokens[n] = login(t, one, name(n))
		put(t, one, tokens[n], "k", "before")
		read(t, two, tokens[n], "k")
	}
	begin(r)
	begun := time.Now()
	for n, token := range tokens {
		if n%2 == 0 {
			put(t, one, token, "k", "during")
		}
		if n%10 == 1 {
			must(t, two.Logout(two.Context(t.Context(), token)))
		}
	}
	look := func(m *session.Manager, when string) {
		t.Helper()
		for n, token := range tokens {
			wantUser, want := name(n), "before"
			switch {
			case n%2 == 0:
				want = "during"
			case n%10 == 1:
				wantUser, want = "", ""
			}
			if user, value := read(t, m, token, "k"); user != wantUser || value != want {
				t.Errorf("%s: user %q has %q, want %q, %q", when, user, value, wantUser, want)
			}
		}
	}
	for time.Since(begun) < 5*time.Second {
		look(one, "during the outage")
	}
	end(r)
	// By its own epoch, one server knows at once; the other one has heard of it.
	look(one, "after the outage")
	look(two, "after the outage, on the other server")
	await(t, a, b)
	for range 2 { // with copies that are made now, and by them
		look(one, "from copies")
		look(two, "from copies, on the other server")
	}
}

// TestOldDump: a logout, and a change, while Redis is killed; then it restarts with
// a dump from before. The session stays out on both servers, whichever is asked
// first.
func TestOldDump(t *testing.T) {
	t.Parallel()
	for _, first := range []int{0, 1} {
		t.Run([]string{"own server first", "other server first"}[first], func(t *testing.T) {
			t.Parallel()
			db := databases()["postgres"](t)
			r := testenv.NewRedis(t, testenv.RedisConfig{Config: []string{"appendonly no"}})
			cfg := redis.OpenConfig{URL: r.URL}
			a, b := open(t, db(), cfg, !calm), open(t, db(), cfg, !calm)
			await(t, a, b)
			managers := []*session.Manager{manager(t, a), manager(t, b)}
			out, changed := login(t, managers[0], "ann"), login(t, managers[0], "bob")
			put(t, managers[0], changed, "k", "old")
			for _, m := range managers {
				read(t, m, out, "k")
				read(t, m, changed, "k")
			}
			if _, err := r.Do("SAVE"); err != nil {
				t.Fatal(err)
			}
			// While Redis is well, too: what it forgets was acknowledged.
			put(t, managers[1], changed, "k", "new")
			r.Kill()
			must(t, managers[0].Logout(managers[0].Context(t.Context(), out)))
			r.Restart()
			if keys, err := r.Do("DBSIZE"); err != nil || keys.(int64) == 0 {
				t.Fatalf("the dump has %v sessions, %v", keys, err)
			}
			look := func() {
				t.Helper()
				for n := range managers {
					m := managers[(n+first)%2]
					if user, _ := read(t, m, out, "k"); user != "" {
						t.Errorf("%q is logged in again", user)
					}
					if user, value := read(t, m, changed, "k"); user != "bob" || value != "new" {
						t.Errorf("%q has %q, want bob, new", user, value)
					}
				}
			}
			look()
			await(t, a, b)
			look()
			look()
		})
	}
}

// TestWithoutDatabase: sessions are read from copies, and nothing is changed: an
// error, never a lost session. When the database is back all is as it was.
func TestWithoutDatabase(t *testing.T) {
	t.Parallel()
	p, r := testenv.NewPostgres(t, testenv.PostgresConfig{Durable: true}), testenv.Redis(t)
	s := open(t, openPostgres(t, p.Database(t)), redis.OpenConfig{URL: r.URL, Prefix: r.Prefix, SocketTimeout: patience}, calm)
	await(t, s)
	m := manager(t, s)
	token := login(t, m, "ann")
	p.Kill()
	var ctx context.Context
	testenv.Eventually(t, patience, func() bool {
		ctx = m.Context(t.Context(), token)
		return m.Preload(ctx) == nil
	}, "the session is read from its copy")
	if got := m.UserID(ctx); got != "ann" {
		t.Errorf("user %q, want ann from the copy", got)
	}
	m.Put(ctx, "k", "v")
	var failed *session.StoreError
	if _, _, err := m.Commit(ctx); !errors.As(err, &failed) {
		t.Errorf("Commit without a database: %v, want a StoreError", err)
	}
	if err := m.Preload(m.Context(t.Context(), login64)); !errors.As(err, &failed) {
		t.Errorf("Preload of what has no copy: %v, want a StoreError", err)
	}
	p.Restart()
	testenv.Eventually(t, patience, func() bool {
		ctx := m.Context(t.Context(), token)
		return m.Preload(ctx) == nil && m.UserID(ctx) == "ann"
	}, "the session is there again")
	testenv.Eventually(t, patience, func() bool {
		ctx := m.Context(t.Context(), token)
		if m.Preload(ctx) != nil {
			return false
		}
		m.Put(ctx, "k", "v")
		_, _, err := m.Commit(ctx)
		return err == nil
	}, "it can be changed again")
}

// login64 is a token that nobody has.
const login64 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// TestServerGone: a server that died while it was away keeps nobody from copies for
// long.
func TestServerGone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	r := testenv.Redis(t)
	cfg := redis.OpenConfig{URL: r.URL, Prefix: r.Prefix, SocketTimeout: patience}
	s := open(t, openSQLite(t, path), cfg, calm)
	await(t, s)
	epoch := s.Epoch()
	s.Pretend(t.Context(), "dead", time.Now().Add(2*time.Second))
	testenv.Eventually(t, patience, func() bool { return s.Epoch() == "" }, "copies are not read")
	testenv.Eventually(t, patience, func() bool { return s.Epoch() != "" && s.Epoch() != epoch }, "copies of another epoch are read")
}
