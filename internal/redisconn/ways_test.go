package redisconn_test

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/testenv"
)

func pool(t testing.TB, url string, policy redisconn.Policy) *redigo.Pool {
	t.Helper()
	p, err := redisconn.RedigoPool(parse(t, url), policy)
	must(t, err)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// bothClients writes with one client and reads with the other.
func bothClients(t *testing.T, url string, policy redisconn.Policy) {
	t.Helper()
	policy.ConnectTimeout, policy.SocketTimeout = patience, patience
	link := open(t, url, policy, nil)
	key := "ways-" + filepath.Base(t.TempDir())
	testenv.Eventually(t, patience, func() bool { return set(t.Context(), link, key, "v") == nil }, "a write succeeds")
	conn, err := pool(t, url, policy).GetContext(t.Context())
	must(t, err)
	defer conn.Close()
	value, err := redigo.String(redigo.DoContext(conn, t.Context(), "GET", key))
	must(t, err)
	if value != "v" {
		t.Errorf("redigo reads %q, want v", value)
	}
	name, err := redigo.String(redigo.DoContext(conn, t.Context(), "CLIENT", "GETNAME"))
	must(t, err)
	if name != "echoic" {
		t.Errorf("the client is called %q", name)
	}
}

func TestSocket(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	address := (&url.URL{Path: server.Socket}).EscapedPath()
	bothClients(t, "unix://:"+server.Password+"@"+address+"?db=2", redisconn.Policy{})

	link := open(t, "unix:///nowhere/redis.sock", redisconn.Policy{}, nil)
	unavailableWith(t, link.Ping(t.Context()), "/nowhere/redis.sock", "start the server or correct the URL")
}

// encrypted is a policy for servers with certs.
func encrypted(certs *testenv.Certificates) redisconn.Policy {
	return redisconn.Policy{
		CAFile: certs.CAFile, CertFile: certs.ClientCertFile, KeyFile: certs.ClientKeyFile,
		ConnectTimeout: 2 * time.Second, SocketTimeout: time.Second,
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	certs := testenv.NewCertificates(t)
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, TLS: certs})
	plain := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Password: server.Password})
	secure := strings.TrimSuffix(server.URL, "/0") + "/1"
	good := encrypted(certs)
	bothClients(t, secure, good)

	for _, row := range []struct {
		name, url string
		change    func(*redisconn.Policy)
		text      string
	}{
		{"unknown authority", secure, func(p *redisconn.Policy) { p.CAFile = "" }, "give the CA"},
		{"other authority", secure, func(p *redisconn.Policy) { p.CAFile = certs.OtherCAFile }, "give the CA"},
		{"other name", strings.Replace(secure, "127.0.0.1", "localhost", 1), func(*redisconn.Policy) {}, "a name that is in the server's certificate"},
		{"no client certificate", secure, func(p *redisconn.Policy) { p.CertFile, p.KeyFile = "", "" }, "ping"},
		{"port without TLS", "rediss://:" + plain.Password + "@" + plain.Addr, func(*redisconn.Policy) {}, "speaks TLS on this port"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			policy := good
			row.change(&policy)
			link := open(t, row.url, policy, nil)
			unavailableWith(t, link.Ping(t.Context()), ":", row.text)
			conn, err := pool(t, row.url, policy).GetContext(t.Context())
			if err == nil {
				_, err = conn.Do("PING") // TLS 1.3 tells the client late that its certificate is missing
				_ = conn.Close()
			}
			if err == nil {
				t.Error("redigo connects")
			}
		})
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{"bind 127.0.0.1 ::1"}})
	bothClients(t, strings.Replace(server.URL, "127.0.0.1", "[::1]", 1), redisconn.Policy{})
}

func TestPolicyRefuses(t *testing.T) {
	t.Parallel()
	certs := testenv.NewCertificates(t)
	for _, row := range []struct {
		name, url string
		policy    redisconn.Policy
		text      string
	}{
		{"connections", "redis://h", redisconn.Policy{MaxConnections: -1}, "MaxConnections is -1"},
		{"connect timeout", "redis://h", redisconn.Policy{ConnectTimeout: time.Microsecond}, "ConnectTimeout is 1µs"},
		{"socket timeout", "redis://h", redisconn.Policy{SocketTimeout: time.Hour}, "SocketTimeout is 1h"},
		{"client name", "redis://h", redisconn.Policy{ClientName: "a b"}, `ClientName is "a b"`},
		{"half a pair", "rediss://h", redisconn.Policy{CertFile: "x"}, "KeyFile is missing"},
		{"other half of a pair", "rediss://h", redisconn.Policy{KeyFile: "x"}, "CertFile is missing"},
		{"client certificate without TLS", "redis://h", redisconn.Policy{CertFile: "x", KeyFile: "y"}, "not encrypted"},
		{"certificates without TLS", "redis://:" + marker + "@h", redisconn.Policy{CAFile: certs.CAFile}, "not encrypted"},
		{"password for no sentinels", "redis://:" + marker + "@h", redisconn.Policy{SentinelPassword: marker}, "names no sentinels"},
		{"sentinel user alone", "redis://s1,s2/mymaster", redisconn.Policy{SentinelUser: "x"}, "SentinelPassword is missing"},
		{"no CA file", "rediss://h", redisconn.Policy{CAFile: "/nowhere/ca.pem"}, "cannot be read"},
		{"no certificate in the CA file", "rediss://h", redisconn.Policy{CAFile: certs.ServerKeyFile}, "no PEM certificate"},
		{"pair that is none", "rediss://h", redisconn.Policy{CertFile: certs.ServerCertFile, KeyFile: certs.ClientKeyFile}, "cannot be used"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			target := parse(t, row.url)
			_, options := redisconn.RueidisOptions(target, row.policy)
			_, link := redisconn.Open(t.Context(), target, row.policy, nil)
			refusals := []error{options, link, row.policy.Check(target)}
			if target.Kind() == redisconn.Standalone {
				_, pool := redisconn.RedigoPool(target, row.policy)
				refusals = append(refusals, pool)
			}
			for _, err := range refusals {
				var field *redisconn.PolicyError
				if !errors.As(err, &field) || !strings.Contains(err.Error(), row.text) || strings.Contains(err.Error(), marker) {
					t.Errorf("got %v, want %q", err, row.text)
				}
			}
		})
	}
	if _, err := redisconn.RueidisOptions(redisconn.Target{}, redisconn.Policy{}); err == nil {
		t.Error("the zero target is taken")
	}
}

func TestPoolRefusesManyServers(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"redis://s1,s2/mymaster/0", "redis://n1,n2/0"} {
		if _, err := redisconn.RedigoPool(parse(t, url), redisconn.Policy{}); err == nil || !strings.Contains(err.Error(), "cannot follow") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestPoolAgainstStoppedServer(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	p := pool(t, server.URL, redisconn.Policy{})
	ping := func() error {
		conn, err := p.GetContext(t.Context())
		if err != nil {
			return err
		}
		_, err = redigo.DoContext(conn, t.Context(), "PING")
		return errors.Join(err, conn.Close())
	}
	var idle []redigo.Conn
	for range 10 {
		conn, err := p.GetContext(t.Context())
		must(t, err)
		idle = append(idle, conn)
	}
	for _, conn := range idle {
		must(t, conn.Close())
	}
	server.Stop()
	idleSince := time.Now()
	testenv.Eventually(t, patience, func() bool { return time.Since(idleSince) > 1100*time.Millisecond }, "the connections have been idle")
	for range 5 {
		// One idle connection is asked, and one is opened: 250ms each.
		within(t, longest, "a call", func() {
			if ping() == nil {
				t.Error("a stopped server answers")
			}
		})
	}
	server.Cont()
	testenv.Within(t, 2*time.Second, func() bool { return ping() == nil }, "the server answers")
}

func TestPoolNamesTheAddress(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	for _, url := range []string{"redis://:" + marker + "@" + server.Addr, "redis://:" + marker + "@" + testenv.RefusedAddr(t)} {
		_, err := pool(t, url, redisconn.Policy{}).GetContext(t.Context())
		if err == nil || !strings.Contains(err.Error(), parse(t, url).Addr()) || strings.Contains(err.Error(), marker) {
			t.Errorf("got %v", err)
		}
	}
}
