package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/internal/testenv"
)

// asCommand makes the test binary the command itself.
const asCommand = "ECHOIC_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	testenv.Parallel(4)
	goleak.VerifyTestMain(testenv.Wrap(m))
}

// cli runs one command in an empty directory with the given variables only.
func cli(t *testing.T, input string, vars []string, args ...string) (code int, out, errs string) {
	t.Helper()
	for f := range reflect.TypeFor[echoic.Config]().Fields() {
		if name := f.Tag.Get("env"); name != "" && name != "-" {
			t.Setenv(name, "")
		}
	}
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	t.Chdir(t.TempDir())
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, streams{strings.NewReader(input), &stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 0, "check (setup-cache)"},
		{[]string{"--help"}, 0, "create-tables"},
		{[]string{"clear", "--help"}, 0, "Sessions stay"},
		{[]string{"bogus"}, 2, "bogus"},
		{[]string{"check", "--bogus"}, 2, "bogus"},
	} {
		code, out, errs := cli(t, "", nil, tt.args...)
		if code != tt.code || !strings.Contains(out+errs, tt.want) {
			t.Errorf("echoic %v: exit %d\n%s%s", tt.args, code, out, errs)
		}
	}
}

func TestBadConfiguration(t *testing.T) {
	code, out, errs := cli(t, "", []string{"REDIS_URL=redis://:hunter2@host:notaport/1", "CACHE_TTL=soon"}, "check")
	if code != 2 || !strings.Contains(errs, "REDIS_URL") || !strings.Contains(errs, "CACHE_TTL") || strings.Contains(out+errs, "hunter2") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
}

func TestCheck(t *testing.T) {
	redis, database := testenv.NewRedis(t, testenv.RedisConfig{Config: []string{"maxmemory 100mb"}}), testenv.NewPostgres(t, testenv.PostgresConfig{Durable: true}).Database(t)
	vars := []string{"APP_ENV=production", "REDIS_URL=" + redis.URL, "DATABASE_URL=" + database, "CACHE_PREFIX=" + redis.Prefix}
	if code, out, errs := cli(t, "", vars, "create-tables"); code != 0 {
		t.Fatalf("create-tables: exit %d\n%s%s", code, out, errs)
	}
	for _, command := range []string{"check", "setup-cache"} {
		code, out, errs := cli(t, "", vars, command)
		if code != 0 || !strings.Contains(out, "All 7 connections work") || !strings.Contains(out, redis.Addr) {
			t.Errorf("%s: exit %d\n%s%s", command, code, out, errs)
		}
	}
	code, out, _ := cli(t, "", vars, "check", "--json")
	var report struct {
		OK     bool
		Checks []echoic.CheckResult
	}
	if err := json.Unmarshal([]byte(out), &report); code != 0 || err != nil || !report.OK || len(report.Checks) != 7 {
		t.Errorf("--json: exit %d, %v\n%s", code, err, out)
	}
}

func TestCheckNamesWhatFails(t *testing.T) {
	away := testenv.RefusedAddr(t)
	code, out, errs := cli(t, "", []string{"REDIS_URL=redis://:hunter2@" + away + "/1"}, "check")
	if code != 3 || !strings.Contains(out, "FAIL  redis") || !strings.Contains(out, away) || !strings.Contains(out, "ok    sessions") || strings.Contains(out+errs, "hunter2") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
}

func TestCreateTables(t *testing.T) {
	vars := []string{"DATABASE_URL=" + testenv.Postgres(t).Database(t)}
	code, out, errs := cli(t, "", vars, "create-tables", "--dry-run")
	if code != 0 || strings.Count(out, "CREATE TABLE") < 2 {
		t.Fatalf("dry run: exit %d\n%s%s", code, out, errs)
	}
	for range 2 {
		if code, out, errs := cli(t, "", vars, "create-tables"); code != 0 || !strings.Contains(out, "table sessions") || !strings.Contains(out, "table cache") || !strings.Contains(out, "table journal") {
			t.Fatalf("exit %d\n%s%s", code, out, errs)
		}
	}
}

// Eight processes that start at once on an empty database.
func TestCreateTablesAtOnce(t *testing.T) {
	for name, database := range map[string]string{
		"Postgres": testenv.Postgres(t).Database(t),
		"SQLite":   "sqlite:" + t.TempDir() + "/all.db",
	} {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				command := exec.CommandContext(t.Context(), os.Args[0], "create-tables")
				command.Dir = t.TempDir()
				command.Env = append(os.Environ(), asCommand+"=1", "DATABASE_URL="+database, "REDIS_URL=redis://localhost:1/0")
				if out, err := command.CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", name, err, out)
				}
			})
		}
		group.Wait()
	}
}

func TestClear(t *testing.T) {
	redis := testenv.Redis(t)
	vars := []string{"REDIS_URL=" + redis.URL, "CACHE_PREFIX=" + redis.Prefix}
	for _, key := range []string{":1:v:a@g", ":1:v:b@g", ":2:v:a@g", ":p:page@g", ":f:fragment@g", ":f:other@g", ":t:tag", "-session:token", "other:1:v:a@g"} {
		put(t, redis.URL, redis.Prefix+key)
	}
	if code, out, errs := cli(t, "", vars, "clear", "--dry-run"); code != 0 || !strings.Contains(out, "pages      1\n") || !strings.Contains(out, "fragments  2\n") || !strings.Contains(out, "values     3\n") || !strings.Contains(out, "Dry run") {
		t.Errorf("dry run: exit %d\n%s%s", code, out, errs)
	}
	if code, out, errs := cli(t, "", vars, "clear", "--dry-run", "--json"); code != 0 || !strings.Contains(out, `"values": 3`) || !strings.Contains(out, `"complete": true`) || !strings.Contains(out, `"dry_run": true`) {
		t.Errorf("dry run in JSON: exit %d\n%s%s", code, out, errs)
	}
	if code, _, errs := cli(t, "yes\n", vars, "clear", "--json"); code != 2 || !strings.Contains(errs, "--yes") {
		t.Errorf("JSON does not ask: exit %d\n%s", code, errs)
	}
	if code, out, _ := cli(t, "n\n", vars, "clear"); code != 1 || !strings.Contains(out, "Nothing was changed") || !strings.Contains(out, redis.Prefix) || !strings.Contains(out, "values     3\n") {
		t.Errorf("answered no: exit %d\n%s", code, out)
	}
	if code, out, _ := cli(t, "", vars, "clear"); code != 1 || !strings.Contains(out, "Nothing was changed") {
		t.Errorf("no answer: exit %d\n%s", code, out)
	}
	if code, out, errs := cli(t, "yes\n", vars, "clear"); code != 0 || !strings.Contains(out, "Cleared; 6 entries freed") {
		t.Errorf("answered yes: exit %d\n%s%s", code, out, errs)
	}
	if code, out, errs := cli(t, "", vars, "clear", "--yes"); code != 0 || strings.Contains(out, "[y/N]") {
		t.Errorf("--yes: exit %d\n%s%s", code, out, errs)
	}
	if code, _, errs := cli(t, "", nil, "clear", "--yes"); code != 1 || !strings.Contains(errs, "memory") {
		t.Errorf("memory: exit %d\n%s", code, errs)
	}
	if code, _, errs := cli(t, "", []string{"REDIS_URL=redis://" + testenv.RefusedAddr(t)}, "clear", "--yes"); code != 3 || errs == "" {
		t.Errorf("Redis away: exit %d\n%s", code, errs)
	}
}

func TestProxy(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "from "+r.Host)
	}))
	defer origin.Close()
	redis := testenv.Redis(t)
	for name, more := range map[string][]string{"memory": nil, "redis": {"--redis", redis.URL, "--prefix", redis.Prefix}} {
		ctx, stop := context.WithCancel(t.Context())
		out, in := io.Pipe()
		done := make(chan int, 1)
		t.Chdir(t.TempDir())
		go func() {
			code := run(ctx, append([]string{"proxy", "--listen", "127.0.0.1:0", "--origin", origin.URL}, more...), streams{strings.NewReader(""), in, io.Discard})
			_ = in.Close()
			done <- code
		}()
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatalf("%s: exit %d, %v", name, <-done, err)
		}
		front := strings.Fields(line)[2]
		ask := func() (hit bool) {
			res, err := http.Get(front)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if !strings.HasPrefix(string(body), "from 127.0.0.1:") {
				t.Errorf("%s: %q %v", name, body, res.Header)
			}
			return strings.Contains(res.Header.Get("Cache-Status"), "; hit")
		}
		if ask() {
			t.Errorf("%s: a hit before anything was kept", name)
		}
		// A Redis that answers late on a busy machine keeps nothing.
		testenv.Eventually(t, 30*time.Second, ask, "%s: the page is kept", name)
		http.DefaultClient.CloseIdleConnections()
		stop()
		if code := <-done; code != 0 {
			t.Errorf("%s: exit %d", name, code)
		}
	}
	if code, _, errs := cli(t, "", nil, "proxy", "--listen", "127.0.0.1:0", "--origin", "nonsense"); code != 1 || !strings.Contains(errs, "Config.Origin") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
