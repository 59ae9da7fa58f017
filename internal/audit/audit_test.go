package audit

import (
	"errors"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"
)

// A Redis before 6.2 is not to be had from the machine's packages; what one says
// of itself is.
func TestVersion(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		info string
		want Severity
	}{
		{"redis_version:6.0.16\r\n", Fail},
		{"redis_version:5.0.14\r\n", Fail},
		{"redis_version:6.2.0\r\n", OK},
		{"redis_version:7.0.15\r\n", OK},
		{"redis_version:10.1.0\r\n", OK},
		{"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n", OK},
		{"redis_version:\r\n", Unknown},
	} {
		f := judgeVersion(node{info: parseInfo("# Server\r\n" + row.info)})
		if f.Severity != row.want || (f.Severity == Fail) != (f.Remedy != "") {
			t.Errorf("%q: %+v", row.info, f)
		}
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		bind string
		want reach
	}{
		{"127.0.0.1", reachLocal},
		{"127.0.0.1 -::1", reachLocal},
		{"* -::*", reachBeyond},
		{"", reachBeyond},
		{"127.0.0.1 10.0.0.7", reachBeyond},
		{"::", reachBeyond},
	} {
		if got := (node{config: fields{"bind": row.bind, "port": "6379"}}).reach(); got != row.want {
			t.Errorf("bind %q: %v", row.bind, got)
		}
	}
	if got := (node{}).reach(); got != reachUnknown {
		t.Errorf("not told: %v", got)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	for skew, want := range map[time.Duration]Severity{
		0: OK, 900 * time.Millisecond: OK, -2 * time.Second: Warn, time.Minute: Fail, -time.Hour: Fail,
	} {
		if f := judgeClock("redis", "redis x", skew); f.Severity != want {
			t.Errorf("%v: %+v", skew, f)
		}
	}
}

func TestQuorum(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Severity{
		"NOQUORUM 1 usable Sentinels. Not enough available": Fail, "ERR unknown command": Unknown,
	} {
		if f := judgeQuorum("s:26379", "", redigo.Error(text)); f.Severity != want {
			t.Errorf("%s: %+v", text, f)
		}
	}
	if f := judgeQuorum("s:26379", "OK 3 usable Sentinels", nil); f.Severity != OK {
		t.Errorf("%+v", f)
	}
}

// What a server forbids to ask is unknown, and never a failure.
func TestDenied(t *testing.T) {
	t.Parallel()
	denied := errors.New("NOPERM")
	n := node{info: parseInfo("redis_version:7.0.0\r\nrole:master\r\n"), config: fields{}, denied: denied, aclDenied: denied, door: denied}
	for _, f := range rules(n, Use{Production: true, Sessions: true, TrustRestart: false}.withDefaults()) {
		if f.Severity == Fail {
			t.Errorf("%+v", f)
		}
	}
}

func TestParseMembers(t *testing.T) {
	t.Parallel()
	const text = `aaa 10.0.0.1:6379@16379,host master - 0 1 1 connected 0-5460
bbb 10.0.0.2:6379@16379 master,fail - 0 1 2 connected 5461-10922
ccc :6381@16381 myself,master - 0 0 3 connected 10923-16383
ddd 10.0.0.4:6379@16379 slave aaa 0 1 1 connected
short line
`
	members := parseMembers(text, "10.0.0.3:6381")
	if len(members) != 4 || members[2].addr != "10.0.0.3:6381" || !members[1].failing || members[3].of != "aaa" || members[3].primary {
		t.Fatalf("%+v", members)
	}
	if f := judgeReplicas(members); f.Severity != Warn || f.Found != "primaries without a replica: 10.0.0.2:6379, 10.0.0.3:6381" {
		t.Errorf("%+v", f)
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration(100-i)*time.Millisecond)
	}
	if l := LatencyOf(times); l.Min != time.Millisecond || l.P50 != 50*time.Millisecond || l.P99 != 99*time.Millisecond || l.Count != 100 {
		t.Errorf("%+v", l)
	}
	if l := LatencyOf(nil); l != (Latency{}) || l.String() != "" {
		t.Errorf("%+v", l)
	}
}

// FuzzInfo: nothing that a server says makes the rules fail.
func FuzzInfo(f *testing.F) {
	f.Add("redis_version:7.0.15\r\nrole:slave\r\nmaxmemory:1\r\nused_memory:9223372036854775807\r\n", "* -::*", "aaa 1:2@3 master - 0 0 0 connected 1")
	f.Add("rdb_last_save_time:-9223372036854775808\r\nserver_time_usec:9\r\n", "", "")
	f.Fuzz(func(_ *testing.T, info, bind, nodes string) {
		n := node{info: parseInfo(info), config: fields{"bind": bind, "save": info}, denied: errors.New("no"), aclDenied: errors.New("no")}
		rules(n, Use{Sessions: true, TrustRestart: true}.withDefaults())
		n.server()
		members := parseMembers(nodes, "h:1")
		judgeReplicas(members)
		judgeMembers(members)
		judgeCluster(parseInfo(info))
	})
}
