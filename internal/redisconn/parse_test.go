package redisconn_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/internal/redisconn"
)

func TestParse(t *testing.T) {
	t.Parallel()
	type want struct {
		kind           redisconn.Kind
		network        string
		addrs          []string
		master         string
		user, password string
		tls            bool
		db             int
		remote         bool
		masked         string
	}
	for _, row := range []struct {
		name, url string
		want      want
	}{
		{"host and port", "redis://localhost:6379", want{addrs: []string{"localhost:6379"}, masked: "redis://localhost:6379/0"}},
		{"default port", "redis://localhost/1", want{addrs: []string{"localhost:6379"}, db: 1, masked: "redis://localhost:6379/1"}},
		{"empty path", "redis://localhost:6379/", want{addrs: []string{"localhost:6379"}, masked: "redis://localhost:6379/0"}},
		{"password", "redis://:secret@10.0.0.1:6380/2", want{addrs: []string{"10.0.0.1:6380"}, password: "secret", db: 2, remote: true, masked: "redis://:***@10.0.0.1:6380/2"}},
		{"user and password", "redis://app:secret@db.example:6379/0", want{addrs: []string{"db.example:6379"}, user: "app", password: "secret", remote: true, masked: "redis://app:***@db.example:6379/0"}},
		{"encoded password", "redis://a%40b:p%2Fw%3A%25@localhost", want{addrs: []string{"localhost:6379"}, user: "a@b", password: "p/w:%", masked: "redis://a%40b:***@localhost:6379/0"}},
		{"password with colon and at", "redis://:a:b@c@localhost", want{addrs: []string{"localhost:6379"}, password: "a:b@c", masked: "redis://:***@localhost:6379/0"}},
		{"empty user information", "redis://:@localhost", want{addrs: []string{"localhost:6379"}, masked: "redis://localhost:6379/0"}},
		{"TLS", "rediss://cache.example:6380/1", want{addrs: []string{"cache.example:6380"}, tls: true, db: 1, remote: true, masked: "rediss://cache.example:6380/1"}},
		{"scheme in capitals", "REDIS://localhost", want{addrs: []string{"localhost:6379"}, masked: "redis://localhost:6379/0"}},
		{"valkey", "valkeys://localhost", want{addrs: []string{"localhost:6379"}, tls: true, masked: "rediss://localhost:6379/0"}},
		{"IPv6", "redis://[::1]:6379/1", want{addrs: []string{"[::1]:6379"}, db: 1, masked: "redis://[::1]:6379/1"}},
		{"IPv6 without port", "redis://:pw@[2001:db8::1]", want{addrs: []string{"[2001:db8::1]:6379"}, password: "pw", remote: true, masked: "redis://:***@[2001:db8::1]:6379/0"}},
		{"IPv6 with zone", "redis://[fe80::1%25eth0]:6379", want{addrs: []string{"[fe80::1%eth0]:6379"}, remote: true, masked: "redis://[fe80::1%25eth0]:6379/0"}},
		{"mapped loopback", "redis://[::ffff:127.0.0.1]:6379", want{addrs: []string{"[::ffff:127.0.0.1]:6379"}, masked: "redis://[::ffff:127.0.0.1]:6379/0"}},
		{"any loopback", "redis://127.8.9.1", want{addrs: []string{"127.8.9.1:6379"}, masked: "redis://127.8.9.1:6379/0"}},
		{"all addresses", "redis://0.0.0.0", want{addrs: []string{"0.0.0.0:6379"}, remote: true, masked: "redis://0.0.0.0:6379/0"}},
		{"socket", "unix:///run/redis.sock", want{network: "unix", addrs: []string{"/run/redis.sock"}, masked: "unix:///run/redis.sock?db=0"}},
		{"socket with all", "unix://app:pw@/run/my%20redis.sock?db=3", want{network: "unix", addrs: []string{"/run/my redis.sock"}, user: "app", password: "pw", db: 3, masked: "unix://app:***@/run/my%20redis.sock?db=3"}},
		{"sentinels", "redis://:pw@s1:26379,s2:26380/mymaster/1", want{kind: redisconn.Sentinel, addrs: []string{"s1:26379", "s2:26380"}, master: "mymaster", password: "pw", db: 1, remote: true, masked: "redis://:***@s1:26379,s2:26380/mymaster/1"}},
		{"sentinels without database and port", "redis://s1,s2/mymaster", want{kind: redisconn.Sentinel, addrs: []string{"s1:26379", "s2:26379"}, master: "mymaster", remote: true, masked: "redis://s1:26379,s2:26379/mymaster/0"}},
		{"one sentinel", "rediss://localhost/my%2Fmaster/0", want{kind: redisconn.Sentinel, addrs: []string{"localhost:26379"}, master: "my/master", tls: true, masked: "rediss://localhost:26379/my%2Fmaster/0"}},
		{"primary with a number as name", "redis://s1,s2/7/1", want{kind: redisconn.Sentinel, addrs: []string{"s1:26379", "s2:26379"}, master: "7", db: 1, remote: true, masked: "redis://s1:26379,s2:26379/7/1"}},
		{"cluster", "redis://n1:7000,[::1]:7001,n3/1", want{kind: redisconn.Cluster, addrs: []string{"n1:7000", "[::1]:7001", "n3:6379"}, db: 1, remote: true, masked: "redis://n1:7000,[::1]:7001,n3:6379/1"}},
		{"cluster on loopback", "redis://127.0.0.1:7000,127.0.0.1:7001", want{kind: redisconn.Cluster, addrs: []string{"127.0.0.1:7000", "127.0.0.1:7001"}, masked: "redis://127.0.0.1:7000,127.0.0.1:7001/0"}},
		{"cluster half remote", "redis://127.0.0.1:7000,10.0.0.1:7001", want{kind: redisconn.Cluster, addrs: []string{"127.0.0.1:7000", "10.0.0.1:7001"}, remote: true, masked: "redis://127.0.0.1:7000,10.0.0.1:7001/0"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			target, err := redisconn.Parse(row.url)
			if err != nil {
				t.Fatal(err)
			}
			if row.want.network == "" {
				row.want.network = "tcp"
			}
			got := want{target.Kind(), target.Network(), target.Addrs(), target.Master(), target.User(), target.Password(), target.TLS(), target.DB(), target.Remote(), target.Masked()}
			if !slices.Equal(got.addrs, row.want.addrs) {
				t.Errorf("addresses %q, want %q", got.addrs, row.want.addrs)
			}
			got.addrs, row.want.addrs = nil, nil
			if got.kind != row.want.kind || got.network != row.want.network || got.master != row.want.master || got.user != row.want.user ||
				got.password != row.want.password || got.tls != row.want.tls || got.db != row.want.db || got.remote != row.want.remote || got.masked != row.want.masked {
				t.Errorf("got  %+v\nwant %+v", got, row.want)
			}
			if target.HasPassword() != (row.want.password != "") {
				t.Errorf("HasPassword = %v", target.HasPassword())
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, url, part, problem string }{
		{"nothing", "", "URL", "empty"},
		{"no scheme", "localhost:6379", "URL", "://"},
		{"other scheme", "http://localhost", "scheme", "none of"},
		{"space", "redis://localhost /1", "URL", "space"},
		{"newline", "redis://localhost\n", "URL", "control"},
		{"no host", "redis:///1", "host", "missing"},
		{"port only", "redis://:6379", "host", "missing"},
		{"no host behind password", "redis://:hunter2@/1", "host", "missing"},
		{"forgotten host", "redis://user:hunter2", "port", "65535"},
		{"forgotten user", "redis://:hunter2", "host", "missing"},
		{"port zero", "redis://localhost:0", "port", "65535"},
		{"port too large", "redis://localhost:65536", "port", "65535"},
		{"port empty", "redis://localhost:", "port", "65535"},
		{"port of the second host", "redis://a:1,b:x/0", "port of host 2", "65535"},
		{"empty second host", "redis://a:1,/0", "host 2", "missing"},
		{"bare IPv6", "redis://::1:6379", "host", "missing"},
		{"bare long IPv6", "redis://fe80::1:6379", "host", "colon"},
		{"bracket not closed", "redis://[::1", "host", "without ]"},
		{"no IPv6 in brackets", "redis://[localhost]:1", "host", "no IPv6"},
		{"IPv4 in brackets", "redis://[127.0.0.1]:1", "host", "no IPv6"},
		{"text behind bracket", "redis://[::1]x:1", "host", "text between"},
		{"bad host", "redis://loc*l:6379", "host", "character"},
		{"database a word", "redis://localhost/one", "database", "not a number"},
		{"database negative", "redis://localhost/-1", "database", "not a number"},
		{"database too large", "redis://localhost/4294967296", "database", "not a number"},
		{"slash at the end", "redis://localhost/1/", "path", "slash"},
		{"three segments", "redis://s1,s2/mymaster/1/2", "database", "not a number"},
		{"parameter", "redis://localhost/1?db=2", "part after ?", "not known"},
		{"fragment", "redis://localhost/1#x", "URL", "#"},
		{"user alone", "redis://hunter2@localhost", "user information", "no colon"},
		{"user without password", "redis://app:@localhost", "password", "empty"},
		{"slash in password", "redis://:hun/ter2@localhost", "password", "/"},
		{"question mark in password", "redis://:hun?ter2@localhost", "password", "?"},
		{"hash in password", "redis://:hun#ter2@localhost", "password", "#"},
		{"percent in password", "redis://:hunter%2@localhost", "password", "hex"},
		{"percent in user", "redis://a%zz:hunter2@localhost", "user", "hex"},
		{"relative socket", "unix://run/redis.sock", "socket", "absolute"},
		{"no socket", "unix://", "socket", "absolute"},
		{"socket parameter", "unix:///run/r.sock?database=1", "part after ?", "db=n"},
		{"socket database", "unix:///run/r.sock?db=x", "database", "not a number"},
		{"socket NUL", "unix:///run/r%00.sock", "socket path", "NUL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			target, err := redisconn.Parse(row.url)
			var parse *redisconn.ParseError
			if !errors.As(err, &parse) {
				t.Fatalf("got %v, %v, want a *ParseError", target, err)
			}
			if !strings.Contains(parse.Part, row.part) || !strings.Contains(parse.Problem, row.problem) || parse.Remedy == "" {
				t.Errorf("got %q, want part %q, problem %q and a remedy", err, row.part, row.problem)
			}
			if strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "ter2") {
				t.Errorf("the error shows the password: %q", err)
			}
		})
	}
}
