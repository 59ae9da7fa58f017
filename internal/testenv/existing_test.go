package testenv_test

import (
	"os"
	osexec "os/exec"
	"strings"
	"testing"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv"
)

// childVariable names the half test that a child process is to do: the shared
// servers are chosen once per process.
const childVariable = "ECHOIC_TESTENV_CHILD"

// child runs the test called name in a process of its own, with env added to
// the environment, and returns its output and whether it passed.
func child(t *testing.T, name string, env ...string) (string, bool) {
	t.Helper()
	cmd := osexec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+name+"$", "-test.v", "-test.count=1")
	cmd.Env = append(append(os.Environ(), childVariable+"="+name), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func isChild(t *testing.T) bool { return os.Getenv(childVariable) == t.Name() }

// TestChildUsesExistingServers is the half of TestExistingServers that runs
// with the variables set.
func TestChildUsesExistingServers(t *testing.T) {
	if !isChild(t) {
		return
	}
	server := testenv.Redis(t)
	if server.Dir != "" || server.URL != os.Getenv(testenv.RedisVariable) {
		t.Errorf("Redis(t) is not the server of %s: %+v", testenv.RedisVariable, server)
	}
	conn := dial(t, server.URL)
	for _, name := range []string{"a", "b", "c"} {
		do(t, conn, "SET", server.Prefix+":"+name, "1")
	}
	postgres := testenv.Postgres(t)
	if postgres.Dir != "" || postgres.URL != os.Getenv(testenv.PostgresVariable) {
		t.Errorf("Postgres(t) is not the server of %s", testenv.PostgresVariable)
	}
	exec(t, connect(t, postgres.Database(t)), "CREATE TABLE t (id int)")
}

func TestExistingServers(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{})
	url := strings.TrimSuffix(server.URL, "/0") + "/3"
	conn := dial(t, url)
	do(t, conn, "SET", "foreign", "1")
	do(t, conn, "SET", "test_foreign", "1")
	postgres := testenv.NewPostgres(t, testenv.PostgresConfig{})
	foreign := postgres.Database(t)
	const databases = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database"
	before := query[string](t, connect(t, postgres.URL), databases)

	out, passed := child(t, "TestChildUsesExistingServers", testenv.RedisVariable+"="+url, testenv.PostgresVariable+"="+postgres.URL)
	if !passed {
		t.Fatalf("the child failed:\n%s", out)
	}
	keys, err := redis.Strings(conn.Do("KEYS", "*"))
	if err != nil || len(keys) != 2 {
		t.Errorf("keys afterwards: %v, %v; want the two that were there before", keys, err)
	}
	if after := query[string](t, connect(t, postgres.URL), databases); after != before {
		t.Errorf("databases before: %s; after: %s", before, after)
	}
	exec(t, connect(t, foreign), "SELECT 1")
}

// TestChildAsksForServers is the half of TestUnusableServers that fails.
func TestChildAsksForServers(t *testing.T) {
	if !isChild(t) {
		return
	}
	t.Run("redis", func(t *testing.T) { testenv.Redis(t) })
	t.Run("redis, again", func(t *testing.T) { testenv.Redis(t) })
	t.Run("postgres", func(t *testing.T) { testenv.Postgres(t) })
}

func TestUnusableServers(t *testing.T) {
	t.Parallel()
	nobody := testenv.FreeAddr(t)
	tests := []struct {
		name, redis, postgres string
		want                  []string
	}{
		{
			"malformed", "localhost:6379:sesame", "postgres//u:sesame@h/d",
			[]string{testenv.RedisVariable + " is no URL", testenv.PostgresVariable + " is no URL"},
		},
		{
			"database is no number", "redis://:sesame@" + nobody + "/one", "mysql://u:sesame@h/d",
			[]string{`"one" as its database`, testenv.PostgresVariable + " is no URL"},
		},
		{
			"nobody there", "redis://:sesame@" + nobody + "/1", "postgres://u:sesame@" + nobody + "/d",
			[]string{
				"redis at " + nobody + " does not answer", "unset " + testenv.RedisVariable,
				"postgres at " + nobody + " does not answer", "unset " + testenv.PostgresVariable,
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			out, passed := child(t, "TestChildAsksForServers",
				testenv.RedisVariable+"="+test.redis, testenv.PostgresVariable+"="+test.postgres)
			if passed || strings.Count(out, "--- FAIL: TestChildAsksForServers/") != 3 {
				t.Errorf("not all of the child's tests failed:\n%s", out)
			}
			for _, want := range test.want {
				if !strings.Contains(out, want) {
					t.Errorf("the output does not say %q:\n%s", want, out)
				}
			}
			if strings.Contains(out, "sesame") {
				t.Errorf("the output shows the password:\n%s", out)
			}
		})
	}
}

// TestChildKillsSharedServers is the half of TestSharedServersAreNotKilled
// that fails.
func TestChildKillsSharedServers(t *testing.T) {
	if !isChild(t) {
		return
	}
	server := testenv.Redis(t)
	server.Kill()
	do(t, dial(t, server.URL), "PING")
	t.Log("the shared server lives")
}

func TestSharedServersAreNotKilled(t *testing.T) {
	t.Parallel()
	out, passed := child(t, "TestChildKillsSharedServers")
	if passed || !strings.Contains(out, "testenv.NewRedis") || !strings.Contains(out, "the shared server lives") {
		t.Errorf("Kill of a shared server has to fail the test and to spare the server:\n%s", out)
	}
}
