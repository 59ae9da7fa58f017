package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
)

// stand is what a console shows, with a way to each server that can be spoiled.
type stand struct {
	redis    *testenv.RedisServer
	database string // not through the proxy
	ways     struct{ redis, database *faultproxy.Proxy }
	*house
}

func newStand(t *testing.T, database string) *stand {
	t.Helper()
	s := &stand{redis: testenv.NewRedis(t, testenv.RedisConfig{}), database: database}
	through := func(raw string) (*faultproxy.Proxy, string) {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal("the URL of a test server cannot be parsed")
		}
		proxy := faultproxy.ForTest(t, u.Host)
		u.Host = proxy.Addr()
		return proxy, u.String()
	}
	s.house = newHouse(t, func(cfg *echoic.Config) {
		cfg.Env = echoic.Production
		s.ways.redis, cfg.RedisURL = through(s.redis.URL)
		s.ways.database, cfg.DatabaseURL = through(s.database)
	}, nil)
	return s
}

func (s *stand) do(command string, args ...any) {
	s.t.Helper()
	if _, err := s.redis.Do(command, args...); err != nil {
		s.t.Fatalf("%s: %v", command, err)
	}
}

// readOnly changes how sessions of the database begin, and ends those that there
// are.
func (s *stand) readOnly(how string) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.database)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(s.t.Context())
	name := pgx.Identifier{conn.Config().Database}.Sanitize()
	for _, statement := range []string{
		"SET default_transaction_read_only = off", "ALTER DATABASE " + name + " " + how,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
	} {
		if _, err := conn.Exec(s.t.Context(), statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// fault is something that is wrong with a server. Where it has to show, shows is
// part of the words for it.
type fault struct {
	name  string
	begin func(s *stand) (mend func())
	shows string
}

const (
	showsOpen    = "The primary store is away"
	showsJournal = "Invalidations do not arrive"
)

func faults() []fault {
	set := func(proxy func(*stand) *faultproxy.Proxy, faults faultproxy.Faults) func(*stand) func() {
		return func(s *stand) func() {
			proxy(s).Set(faultproxy.ToClient, faults)
			return func() { s.heal(proxy(s)) }
		}
	}
	refuse := func(proxy func(*stand) *faultproxy.Proxy) func(*stand) func() {
		return func(s *stand) func() {
			if err := proxy(s).Admit(faultproxy.Refuse); err != nil {
				s.t.Error(err)
			}
			proxy(s).Reset()
			return func() { s.heal(proxy(s)) }
		}
	}
	redis := func(s *stand) *faultproxy.Proxy { return s.ways.redis }
	database := func(s *stand) *faultproxy.Proxy { return s.ways.database }
	slow, cut := faultproxy.Faults{Latency: 400 * time.Millisecond}, faultproxy.Faults{CutAfter: 100}
	return []fault{
		{"redis down", refuse(redis), showsOpen},
		{"redis slow", set(redis, slow), showsOpen},
		{"redis errors", set(redis, cut), showsOpen},
		{"redis read-only", func(s *stand) func() {
			_, port, _ := strings.Cut(testenv.RefusedAddr(s.t), ":")
			s.do("REPLICAOF", "127.0.0.1", port)
			return func() { s.do("REPLICAOF", "NO", "ONE") }
		}, showsOpen},
		{"redis full", func(s *stand) func() {
			s.do("CONFIG", "SET", "maxmemory", "1")
			return func() { s.do("CONFIG", "SET", "maxmemory", "0") }
		}, ""},
		{"database down", refuse(database), showsJournal},
		{"database slow", set(database, slow), ""},
		{"database errors", set(database, cut), showsJournal},
		{"database read-only", func(s *stand) func() {
			s.readOnly("SET default_transaction_read_only = on")
			return func() { s.readOnly("RESET default_transaction_read_only") }
		}, ""},
	}
}

func (s *stand) heal(proxy *faultproxy.Proxy) {
	if err := proxy.Heal(); err != nil {
		s.t.Error(err)
	}
}

// What is wrong with Redis or the database shows where it has to, and keeps no page
// of the console from being shown in time; what a page cannot have it says. A purge
// that the console calls done has been done.
func TestConsoleInFaults(t *testing.T) {
	t.Parallel()
	s := newStand(t, testenv.Postgres(t).Database(t))
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) { s.suffer(t, f) })
	}
}

// The disk of the database is full: this needs Linux and root.
func TestConsoleWithFullDatabase(t *testing.T) {
	t.Parallel()
	s := newStand(t, testenv.NewPostgres(t, testenv.PostgresConfig{}).SmallDatabase(t))
	s.suffer(t, fault{"database full", func(s *stand) func() { return testenv.FillDisk(s.t, s.database) }, ""})
}

// slowest is how long a page may take that asks servers which do not answer, on a
// busy machine.
const slowest = 30 * time.Second

func (s *stand) suffer(t *testing.T, f fault) {
	outer := s.t
	s.t = t
	defer func() { s.t = outer }()
	s.well()
	kept := "/kept-" + url.PathEscape(f.name)
	testenv.Eventually(t, patience, func() bool {
		before := s.hits()
		s.visit(kept, 2)
		return s.hits() > before
	}, "a page is kept")
	token := s.token()
	mend := f.begin(s)
	if f.shows != "" {
		testenv.Eventually(t, patience, func() bool {
			s.visit("/other", 3) // somebody has to notice
			code, body := s.ask("GET", "", nil)
			return code == http.StatusOK && strings.Contains(body, f.shows)
		}, "the overview shows %q", f.shows)
	}
	s.look()
	code, body := s.ask("POST", "/purge", url.Values{"token": {token}, "by": {"all"}, "sure": {"1"}})
	s.secret("/purge", body)
	done := s.page.Actions()
	if len(done) == 0 || done[0].OK != (code == http.StatusSeeOther) || !done[0].OK && code != http.StatusServiceUnavailable {
		t.Errorf("the purge was answered %d, and the list says %+v", code, done)
	}
	if (f.name == "database down" || f.name == "database read-only") && code == http.StatusSeeOther {
		t.Error("a purge that nothing durable has was acknowledged")
	}
	mend()
	s.well()
	before := s.hits()
	s.visit(kept, 1)
	if code == http.StatusSeeOther && s.hits() != before {
		t.Error("the purge was acknowledged, and the page is still there")
	}
	t.Logf("the purge was answered %d: %s", code, done[0].Result)
}

// well waits until all is as it should be, and shown so.
func (s *stand) well() {
	s.t.Helper()
	var last string
	testenv.Eventually(s.t, patience, func() bool {
		code, body := s.ask("GET", "", nil)
		last = body
		return code == http.StatusOK && strings.Contains(body, `<span class="state state--good">closed</span>`) &&
			!strings.Contains(body, showsOpen) && !strings.Contains(body, showsJournal)
	}, "all is well%s", lazy(func() string { return ": " + last }))
}

// lazy is text that is made when it is needed.
type lazy func() string

func (f lazy) String() string { return f() }

// look asks for all pages. Those that ask the store for one thing may say that it is
// away.
func (s *stand) look() {
	s.t.Helper()
	for _, path := range paths {
		asks := strings.HasPrefix(path, "/entry") || strings.Contains(path, "?")
		began := time.Now()
		code, body := s.ask("GET", path, nil)
		if took := time.Since(began); took > slowest {
			s.t.Errorf("GET %s takes %v", path, took)
		}
		if code != http.StatusOK && !(asks && (code == http.StatusServiceUnavailable || code == http.StatusNotFound)) {
			s.t.Errorf("GET %s: %d", path, code)
		}
		s.secret(path, body)
	}
}

// secret fails the test for a page that holds a password.
func (s *stand) secret(path, body string) {
	s.t.Helper()
	u, err := url.Parse(s.database)
	if err != nil {
		s.t.Fatal("the URL of a test server cannot be parsed")
	}
	password, _ := u.User.Password()
	for _, word := range []string{s.redis.Password, password} {
		if word != "" && strings.Contains(body, word) {
			s.t.Errorf("%s shows a password", path)
		}
	}
}
