package near

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// readPrimaries reads the answers of the node at from to CLUSTER NODES, which
// has the roles, and to CLUSTER SLOTS, which has the addresses that clients are
// to use. A primary without slots counts: while it gets its first one it takes
// writes already. One that the others have given up does not: it takes none.
func readPrimaries(from string, nodes, slots rueidis.RedisResult) ([]string, error) {
	text, err := nodes.ToString()
	if err != nil {
		return nil, err
	}
	ranges, err := slots.ToArray()
	if err != nil {
		return nil, err
	}
	endpoints := make(map[string]string)
	for _, r := range ranges {
		fields, err := r.ToArray()
		if err != nil {
			return nil, err
		}
		for _, field := range fields[min(2, len(fields)):] {
			id, addr, err := readEndpoint(from, field)
			if err != nil {
				return nil, err
			}
			endpoints[id] = addr
		}
	}
	return parseNodes(from, text, endpoints)
}

// readEndpoint reads one node of CLUSTER SLOTS: host, port, id and more. Without
// a host it is the one that was asked.
func readEndpoint(from string, m rueidis.RedisMessage) (id, addr string, err error) {
	parts, err := m.ToArray()
	if err != nil {
		return "", "", err
	}
	if len(parts) < 3 {
		return "", "", fmt.Errorf("a node of CLUSTER SLOTS has %d fields, not at least 3", len(parts))
	}
	host, err := parts[0].ToString()
	if err != nil && !rueidis.IsRedisNil(err) {
		return "", "", err
	}
	port, err := parts[1].AsInt64()
	if err != nil {
		return "", "", err
	}
	if id, err = parts[2].ToString(); err != nil {
		return "", "", err
	}
	return id, endpoint(from, host, strconv.FormatInt(port, 10)), nil
}

// endpoint joins host and port; a node that does not know its own host, or does
// not tell, has the one under which it was reached.
func endpoint(from, host, port string) string {
	if host == "" || host == "?" {
		host, _, _ = net.SplitHostPort(from)
	}
	return net.JoinHostPort(host, port)
}

// parseNodes reads CLUSTER NODES: a node a line, with id, address and flags in
// front.
func parseNodes(from, text string, endpoints map[string]string) ([]string, error) {
	var primaries []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			return nil, fmt.Errorf("CLUSTER NODES has the line %.100q", line)
		}
		flags := strings.Split(fields[2], ",")
		if !slices.Contains(flags, "master") || slices.Contains(flags, "fail") || slices.Contains(flags, "noaddr") || slices.Contains(flags, "handshake") {
			continue
		}
		addr, known := endpoints[fields[0]]
		if !known {
			var err error
			if addr, err = nodeAddr(from, fields[1]); err != nil {
				return nil, err
			}
		}
		primaries = append(primaries, addr)
	}
	return primaries, nil
}

// nodeAddr reads "host:port@bus,hostname", in which an IPv6 address has no
// brackets.
func nodeAddr(from, text string) (string, error) {
	addr, _, _ := strings.Cut(text, ",")
	addr, _, _ = strings.Cut(addr, "@")
	colon := strings.LastIndexByte(addr, ':')
	if colon < 0 {
		return "", fmt.Errorf("CLUSTER NODES has the address %.100q", text)
	}
	return endpoint(from, addr[:colon], addr[colon+1:]), nil
}
