package near_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/cache/near"
)

func TestParseNodes(t *testing.T) {
	t.Parallel()
	const from = "10.0.0.9:7000"
	for _, row := range []struct {
		name, text string
		endpoints  map[string]string
		want       []string
		err        string
	}{
		{"of Redis 7", "id1 10.0.0.1:7000@17000,host1 myself,master - 0 0 1 connected 0-100\n" +
			"id2 10.0.0.2:7001@17001,host2 master - 0 1 2 connected 101-16383\n" +
			"id3 10.0.0.3:7002@17002,host3 slave id1 0 1 1 connected\n", nil,
			[]string{"10.0.0.1:7000", "10.0.0.2:7001"}, ""},
		{"of Redis 6", "id1 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383\n", nil, []string{"10.0.0.1:7000"}, ""},
		{"endpoints of CLUSTER SLOTS", "id1 10.0.0.1:7000@17000 master - 0 0 1 connected 0-1\nid2 10.0.0.2:7000@17000 master - 0 0 1 connected\n",
			map[string]string{"id1": "redis1:7000"}, []string{"redis1:7000", "10.0.0.2:7000"}, ""},
		{"given up", "id1 10.0.0.1:7000@17000 master,fail - 0 0 1 connected 0-1\n", nil, nil, ""},
		{"perhaps down", "id1 10.0.0.1:7000@17000 master,fail? - 0 0 1 connected 0-1\n", nil, []string{"10.0.0.1:7000"}, ""},
		{"unknown yet", "id1 10.0.0.1:7000@17000 handshake - 0 0 0 disconnected\nid2 :0@0 master,noaddr - 0 0 1 disconnected\n", nil, nil, ""},
		{"without its own address", "id1 :7000@17000 myself,master - 0 0 1 connected 0-1\n", nil, []string{"10.0.0.9:7000"}, ""},
		{"IPv6", "id1 ::1:7000@17000 master - 0 0 1 connected 0-1\n", nil, []string{"[::1]:7000"}, ""},
		{"short line", "id1 10.0.0.1:7000\n", nil, nil, "the line"},
		{"no port", "id1 x master - 0 0 1 connected\n", nil, nil, "the address"},
		{"nothing", "", nil, nil, ""},
	} {
		got, err := near.ParseNodes(from, row.text, row.endpoints)
		if !slices.Equal(got, row.want) || (err == nil) != (row.err == "") || (err != nil && !strings.Contains(err.Error(), row.err)) {
			t.Errorf("%s: %q, %v", row.name, got, err)
		}
	}
}

func FuzzParseNodes(f *testing.F) {
	f.Add("id1 10.0.0.1:7000@17000,host1 myself,master - 0 0 1 connected 0-100\n")
	f.Add("id1 ::1:7000@17000 master - 0 0 1 connected 0-1\nid2 :0@0 master,noaddr")
	f.Fuzz(func(t *testing.T, text string) {
		addrs, err := near.ParseNodes("127.0.0.1:1", text, nil)
		if err != nil {
			return
		}
		if len(addrs) > strings.Count(text, "\n")+1 {
			t.Errorf("%d primaries in %q", len(addrs), text)
		}
		for _, addr := range addrs {
			if host, _, err := net.SplitHostPort(addr); err == nil && host == "" {
				t.Errorf("an address without a host: %q", addr)
			}
		}
	})
}
