package main

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/internal/testenv"
)

// program runs the command as a process of its own, with the variables only.
func program(t *testing.T, vars []string, args ...string) (code int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Dir = t.TempDir()
	command.Env = append([]string{asCommand + "=1", "HOME=" + command.Dir, "PATH=" + os.Getenv("PATH")}, vars...)
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// audited is what check --json prints.
type audited struct {
	OK   bool
	Exit int
	echoic.Report
}

func audit(t *testing.T, vars []string, args ...string) (r audited) {
	t.Helper()
	code, out, errs := program(t, vars, append([]string{"check", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("exit %d, %v\n%s%s", code, err, out, errs)
	}
	if r.Exit != code || r.OK != (code == 0) {
		t.Errorf("exit %d, but it says %d", code, r.Exit)
	}
	return r
}

// expect looks for a finding.
func (r audited) expect(t *testing.T, id string, severity echoic.Severity, parts ...string) {
	t.Helper()
	var all []string
	for _, f := range r.Findings {
		text := f.Found + " -> " + f.Remedy
		all = append(all, string(f.Severity)+" "+f.ID+" ("+f.Subject+"): "+text)
		if f.ID != id || f.Severity != severity {
			continue
		}
		missing := false
		for _, part := range parts {
			missing = missing || !strings.Contains(text, part)
		}
		if !missing && f.Remedy != "" {
			return
		}
	}
	t.Errorf("no %s %s with %q and a remedy; found:\n%s", severity, id, parts, strings.Join(all, "\n"))
}

func production(url string, more ...string) []string {
	return append([]string{"APP_ENV=production", "ALLOWED_HOSTS=example.org", "REDIS_URL=" + url}, more...)
}

func dedicated(t *testing.T, lines ...string) *testenv.RedisServer {
	t.Helper()
	return testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: lines})
}

// Each of these servers is really set up so.
func TestCheckFindsMisconfiguredRedis(t *testing.T) {
	t.Parallel()
	each(t, map[string]func(t *testing.T){
		"open to the network": func(t *testing.T) {
			s := testenv.NewRedis(t, testenv.RedisConfig{NoPassword: true, Config: []string{"bind 0.0.0.0", "protected-mode no"}})
			r := audit(t, production(s.URL))
			r.expect(t, "redis.password", echoic.SeverityFail, "without a password", "0.0.0.0")
			r.expect(t, "redis.protected-mode", echoic.SeverityFail, "protected mode is off")
			if r.Exit != exitFailed {
				t.Errorf("exit %d", r.Exit)
			}
		},
		"sessions are evicted": func(t *testing.T) {
			s := dedicated(t, "maxmemory 64mb", "maxmemory-policy allkeys-lru")
			audit(t, production(s.URL)).expect(t, "redis.eviction", echoic.SeverityFail, "allkeys-lru", "logged out", "noeviction")
			r := audit(t, []string{"REDIS_URL=" + s.URL}) // in development they are in SQLite
			for _, f := range r.Findings {
				if f.ID == "redis.eviction" && f.Severity != echoic.SeverityOK {
					t.Errorf("without sessions: %+v", f)
				}
			}
		},
		"no limit": func(t *testing.T) {
			audit(t, production(dedicated(t).URL)).expect(t, "redis.maxmemory", echoic.SeverityWarn, "maxmemory is 0")
		},
		"nothing persisted": func(t *testing.T) {
			audit(t, production(dedicated(t).URL)).expect(t, "redis.persistence", echoic.SeverityFail, `save ""`, "appendonly no", "DATABASE_URL")
		},
	})
}

func TestCheckFindsFailingRedis(t *testing.T) {
	t.Parallel()
	each(t, map[string]func(t *testing.T){
		"a save failed": func(t *testing.T) {
			s := dedicated(t, "save 3600 1", "enable-protected-configs yes")
			gone := t.TempDir() + "/gone"
			if err := os.Mkdir(gone, 0o700); err != nil {
				t.Fatal(err)
			}
			do(t, s, "CONFIG", "SET", "dir", gone)
			if err := os.Remove(gone); err != nil {
				t.Fatal(err)
			}
			do(t, s, "SET", "k", "v")
			do(t, s, "BGSAVE")
			await(t, s, "rdb_last_bgsave_status:err")
			audit(t, production(s.URL)).expect(t, "redis.save", echoic.SeverityFail, "MISCONF")
		},
		"an old save": func(t *testing.T) {
			s := dedicated(t, "save 3600 1")
			do(t, s, "SET", "k", "v")
			await(t, s, "uptime_in_seconds:3")
			audit(t, production(s.URL), "--max-save-age=1s").expect(t, "redis.save-age", echoic.SeverityWarn, "1 changes since would be lost")
		},
		"a replica": func(t *testing.T) {
			s := dedicated(t)
			host, port, _ := net.SplitHostPort(s.Addr)
			replica := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Password: s.Password, Config: []string{"masterauth " + s.Password, "replicaof " + host + " " + port}})
			await(t, replica, "master_link_status:up")
			r := audit(t, production(replica.URL))
			r.expect(t, "redis.role", echoic.SeverityFail, "READONLY", s.Addr)
			if r.Exit != exitConnect {
				t.Errorf("exit %d: nothing can be stored there", r.Exit)
			}
		},
	})
}

func TestCheckFindsUnsafeWays(t *testing.T) {
	t.Parallel()
	each(t, map[string]func(t *testing.T){
		"rejected logins": func(t *testing.T) {
			s := dedicated(t)
			for range 3 {
				if _, err := redis.Dial("tcp", s.Addr, redis.DialUsername("mallory"), redis.DialPassword("guess")); err == nil {
					t.Fatal("mallory is in")
				}
			}
			audit(t, production(s.URL)).expect(t, "redis.logins", echoic.SeverityWarn, "3 logins were rejected", "mallory", "127.0.0.1")
		},
		"in the clear": func(t *testing.T) {
			s := testenv.NewRedis(t, testenv.RedisConfig{Config: []string{"bind 0.0.0.0"}})
			_, port, _ := net.SplitHostPort(s.Addr)
			u := url.URL{Scheme: "redis", User: url.UserPassword("", s.Password), Host: net.JoinHostPort(ownAddress(t), port)}
			r := audit(t, production(u.String()))
			r.expect(t, "config.REDIS_URL", echoic.SeverityFail, "without TLS", "rediss://")
			r.expect(t, "redis.tls", echoic.SeverityFail, "in the clear")
			if r.Exit != exitFailed || !r.Checks[1].OK {
				t.Errorf("exit %d, %+v", r.Exit, r.Checks)
			}
		},
		"an ACL that is too narrow": func(t *testing.T) {
			s := testenv.NewRedis(t, testenv.RedisConfig{Config: []string{"maxmemory 64mb"}})
			do(t, s, "ACL", "SETUSER", "app", "on", ">geheim", "~elsewhere:*", "&*", "+@all", "-scan", "-evalsha", "-client|tracking")
			u := url.URL{Scheme: "redis", User: url.UserPassword("app", "geheim"), Host: s.Addr, Path: "/0"}
			audit(t, production(u.String())).expect(t, "redis.commands", echoic.SeverityFail, "SCAN", "EVALSHA", "CLIENT TRACKING", "GET", "ACL SETUSER")
			do(t, s, "ACL", "SETUSER", "app", "~*", "+@all")
			for _, f := range audit(t, production(u.String())).Findings {
				if f.ID == "redis.commands" && f.Severity != echoic.SeverityOK {
					t.Errorf("all is allowed: %+v", f)
				}
			}
		},
		"a certificate that ends": func(t *testing.T) {
			c := testenv.NewCertificates(t)
			s := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, TLS: c})
			r := audit(t, production(s.URL, "REDIS_CA_FILE="+c.CAFile, "REDIS_CERT_FILE="+c.ClientCertFile, "REDIS_KEY_FILE="+c.ClientKeyFile))
			r.expect(t, "redis.certificate", echoic.SeverityFail, "the server's certificate ends in", "renew")
			r.expect(t, "redis.certificate", echoic.SeverityFail, "the client certificate", "renew")
		},
		"trusted though it forgets": func(t *testing.T) {
			audit(t, production(dedicated(t).URL, "REDIS_TRUST_RESTART=true")).expect(t, "redis.trust-restart", echoic.SeverityFail, "appendfsync always")
		},
	})
}

func each(t *testing.T, tests map[string]func(t *testing.T)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// A managed server answers no CONFIG.
func TestCheckOfManagedRedis(t *testing.T) {
	t.Parallel()
	s := testenv.NewRedis(t, testenv.RedisConfig{Config: []string{"maxmemory 64mb"}})
	do(t, s, "ACL", "SETUSER", "app", "on", ">geheim", "~*", "&*", "+@all", "-config", "-acl")
	u := url.URL{Scheme: "redis", User: url.UserPassword("app", "geheim"), Host: s.Addr, Path: "/0"}
	r := audit(t, production(u.String(), "DATABASE_URL="+"sqlite:"+t.TempDir()+"/app.db"))
	unknown := map[string]bool{}
	for _, f := range r.Findings {
		if f.Severity == echoic.SeverityUnknown {
			unknown[f.ID] = true
			if !strings.Contains(f.Found, "NOPERM") {
				t.Errorf("%s does not say why: %s", f.ID, f.Found)
			}
		}
	}
	if !unknown["redis.bind"] || !unknown["redis.protected-mode"] || r.Exit != exitOK {
		t.Errorf("exit %d, unknown: %v", r.Exit, unknown)
	}
}

func TestCheckFindsBrokenTopologies(t *testing.T) {
	t.Parallel()
	t.Run("a slot of nobody, a node down", func(t *testing.T) {
		t.Parallel()
		c := testenv.NewCluster(t, testenv.ClusterConfig{Config: []string{"cluster-require-full-coverage no"}})
		do(t, c.Nodes[0], "CLUSTER", "DELSLOTS", "5")
		r := audit(t, production(c.URL))
		r.expect(t, "cluster.slots", echoic.SeverityFail, "1 of 16384 slots", "1 of them belong to nobody")
		r.expect(t, "cluster.replicas", echoic.SeverityWarn, c.Nodes[1].Addr)
		c.Nodes[2].Kill()
		testenv.Eventually(t, 30*time.Second, func() bool {
			info, _ := redis.String(c.Nodes[0].Do("CLUSTER", "NODES"))
			return strings.Contains(info, "fail ") || strings.Contains(info, "fail,")
		}, "the cluster notices")
		audit(t, production(c.URL)).expect(t, "cluster.nodes", echoic.SeverityFail, c.Nodes[2].Addr)
	})
	t.Run("no quorum", func(t *testing.T) {
		t.Parallel()
		s := testenv.NewSentinel(t, testenv.SentinelConfig{})
		if r := audit(t, production(s.URL)); len(r.Servers) != 4 {
			t.Errorf("%+v", r.Servers)
		}
		s.Sentinels[1].Kill()
		s.Sentinels[2].Kill()
		testenv.Eventually(t, 30*time.Second, func() bool {
			_, err := s.Sentinels[0].Do("SENTINEL", "CKQUORUM", s.Master)
			return err != nil && strings.Contains(err.Error(), "NOQUORUM") // no answer in time is none
		}, "the third notices")
		r := audit(t, production(s.URL))
		r.expect(t, "sentinel.quorum", echoic.SeverityFail, "NOQUORUM")
		r.expect(t, "sentinel.reachable", echoic.SeverityFail, "cannot be asked")
	})
}

func TestCheckFindsMissingTables(t *testing.T) {
	t.Parallel()
	database := testenv.Postgres(t).Database(t)
	vars := production(testenv.Redis(t).URL, "DATABASE_URL="+database)
	r := audit(t, vars)
	r.expect(t, "postgres.tables", echoic.SeverityFail, "echoic_journal, echoic_journal_state, echoic_fallback", "create-tables")
	r.expect(t, "postgres.durability", echoic.SeverityFail, "fsync is off")
	if r = audit(t, vars); r.Exit != exitConnect {
		t.Errorf("exit %d", r.Exit)
	}
	r.expect(t, "postgres.tables", echoic.SeverityFail) // they have not been made by looking
	if code, out, errs := program(t, vars, "create-tables"); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	for _, f := range audit(t, vars).Findings {
		if f.ID == "postgres.tables" && f.Severity != echoic.SeverityOK {
			t.Errorf("%+v", f)
		}
	}
}

func TestCheckFindsInsecureCookies(t *testing.T) {
	t.Parallel()
	r := audit(t, production(testenv.Redis(t).URL, "SESSION_COOKIE_SECURE=false", "SESSION_COOKIE_NAME=sid", "TRUSTED_PROXIES=0.0.0.0/0"))
	r.expect(t, "config.SESSION_COOKIE_SECURE", echoic.SeverityFail, "plain http")
	r.expect(t, "config.SESSION_COOKIE_NAME", echoic.SeverityFail, "__Host-")
	r.expect(t, "application.cookie", echoic.SeverityFail, "not Secure")
	r.expect(t, "application.proxies", echoic.SeverityFail, "0.0.0.0/0")
	if r.Exit != exitFailed {
		t.Errorf("exit %d", r.Exit)
	}
}

func TestCheckFindsGuessableSecrets(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t).URL
	for key, want := range map[string]string{
		"":                                      "is empty",
		"changeme-changeme-changeme-0192837465": "contains",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": "1 different",
	} {
		severity := echoic.SeverityFail
		if key == "" {
			severity = echoic.SeverityWarn
		}
		audit(t, production(server, "SECRET_KEY="+key)).expect(t, "application.secret", severity, want, "openssl rand")
	}
	for _, f := range audit(t, production(server, "SECRET_KEY=gVwdR+wbyHkNHKVFvvLeRuRSkPbsPnWVzPhRoXvN3aA=")).Findings {
		if f.ID == "application.secret" && f.Severity != echoic.SeverityOK {
			t.Errorf("%+v", f)
		}
	}
	if code, out, errs := program(t, production(server, "SECRET_KEY=short-one"), "check"); code != exitUsage || !strings.Contains(errs, "too short") || !strings.Contains(errs, "openssl rand") || strings.Contains(out+errs, "short-one") {
		t.Errorf("a short one: exit %d\n%s%s", code, out, errs)
	}
}

func TestCheckOfNothingConfigured(t *testing.T) {
	t.Parallel()
	r := audit(t, []string{"APP_ENV=production"})
	r.expect(t, "config.DATABASE_URL", echoic.SeverityFail, "sessions would be lost")
	if code, _, errs := program(t, nil, "check", "--pings=0"); code != exitUsage || !strings.Contains(errs, "1 to 10000") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// A password is told by no finding, and a wrong one is named as such.
func TestCheckWithWrongPassword(t *testing.T) {
	t.Parallel()
	s := dedicated(t)
	code, out, errs := program(t, production("redis://:hunter2@"+s.Addr), "check")
	if code != exitConnect || !strings.Contains(out, "WRONGPASS") || !strings.Contains(out, "correct user and password") || strings.Contains(out+errs, "hunter2") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}

func do(t *testing.T, s *testenv.RedisServer, command string, args ...any) {
	t.Helper()
	if _, err := s.Do(command, args...); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}

// await waits for a line of INFO.
func await(t *testing.T, s *testenv.RedisServer, line string) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, func() bool {
		info, _ := redis.String(s.Do("INFO"))
		return strings.Contains(info, line)
	}, "INFO says %s", line)
}

// ownAddress is one of this machine's that is not loopback.
func ownAddress(t *testing.T) string {
	t.Helper()
	list, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range list {
		if n, ok := addr.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	t.Fatal("this machine has no address besides loopback: connect it to a network, or to a dummy interface")
	return ""
}
