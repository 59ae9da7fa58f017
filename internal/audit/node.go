package audit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/redisconn"
)

// node is what one Redis server says of itself.
type node struct {
	addr    string
	info    fields
	config  fields
	denied  error // why config is empty
	latency Latency
	skew    time.Duration
	// door is what somebody without a password is told: nil is a welcome.
	door error
	// acl is empty and aclDenied says why, or
	acl       []aclEntry
	aclDenied error
	// forbidden are commands that are needed and may not be sent.
	forbidden []string
	// serverEnds and clientEnds are when certificates end; zero: unknown, or none.
	serverEnds, clientEnds time.Time
	// unix says that we came by a socket, and tls that the way is encrypted.
	unix, tls, remote bool
}

// aclEntry is a line of ACL LOG.
type aclEntry struct {
	Reason, User, Object, Client string
	Count                        int64
	Age                          time.Duration
}

// configNames is what rules ask CONFIG about.
var configNames = []string{
	"bind", "protected-mode", "save", "appendonly", "appendfsync", "maxmemory", "maxmemory-policy", "maxclients",
	"stop-writes-on-bgsave-error", "enable-debug-command", "enable-protected-configs", "port", "tls-port",
}

// single opens one connection to one server.
func single(ctx context.Context, target redisconn.Target, policy redisconn.Policy) (redigo.Conn, func(), error) {
	policy.MaxConnections, policy.ClientName = 1, "echoic-check"
	policy.SentinelUser, policy.SentinelPassword = "", ""
	pool, err := redisconn.RedigoPool(target, policy)
	if err != nil {
		return nil, nil, err
	}
	conn, err := pool.GetContext(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, pool.Close())
	}
	return conn, func() { _, _ = conn.Close(), pool.Close() }, nil
}

// collect asks one server everything.
func collect(ctx context.Context, target redisconn.Target, policy redisconn.Policy, use Use) (node, error) {
	conn, done, err := single(ctx, target, policy)
	if err != nil {
		return node{}, err
	}
	defer done()
	n := node{addr: target.Addr(), unix: target.Network() == "unix", tls: target.TLS(), remote: target.Remote()}
	text, err := redigo.String(redigo.DoContext(conn, ctx, "INFO", "everything"))
	if err != nil {
		if text, err = redigo.String(redigo.DoContext(conn, ctx, "INFO")); err != nil {
			return node{}, fmt.Errorf("INFO at %s: %w", n.addr, err)
		}
	}
	n.info = parseInfo(text)
	n.config, n.denied = readConfig(ctx, conn)
	n.latency, n.skew = measure(ctx, conn, use)
	n.acl, n.aclDenied = readACLLog(ctx, conn)
	n.forbidden = readForbidden(ctx, conn, use.Prefix)
	n.door = knock(ctx, target, policy)
	n.serverEnds, n.clientEnds, _ = redisconn.Expiry(ctx, target, policy) // unknown is a finding
	return n, nil
}

// knock tries without a password.
func knock(ctx context.Context, target redisconn.Target, policy redisconn.Policy) error {
	conn, done, err := single(ctx, target.As("", ""), policy)
	if err != nil {
		return err
	}
	defer done()
	_, err = redigo.DoContext(conn, ctx, "PING")
	return err
}

// readConfig asks one by one: a server may refuse some.
func readConfig(ctx context.Context, conn redigo.Conn) (fields, error) {
	config := fields{}
	var denied error
	for _, name := range configNames {
		pair, err := redigo.Strings(redigo.DoContext(conn, ctx, "CONFIG", "GET", name))
		if err != nil {
			denied = err
			continue
		}
		if len(pair) == 2 {
			config[name] = pair[1]
		}
	}
	return config, denied
}

// measure pings, and compares clocks by the quickest answer.
func measure(ctx context.Context, conn redigo.Conn, use Use) (Latency, time.Duration) {
	var times []time.Duration
	var skew, best time.Duration
	for i := range use.Pings {
		begin := use.Now()
		start := time.Now()
		pair, err := redigo.Int64s(redigo.DoContext(conn, ctx, "TIME"))
		took := time.Since(start)
		if err != nil {
			if _, err = redigo.DoContext(conn, ctx, "PING"); err != nil {
				break
			}
			took = time.Since(start)
		} else if len(pair) == 2 && (i == 0 || took < best) {
			best = took
			skew = time.Unix(pair[0], pair[1]*1000).Sub(begin.Add(took / 2))
		}
		times = append(times, took)
	}
	return LatencyOf(times), skew
}

// readACLLog returns the latest lines.
func readACLLog(ctx context.Context, conn redigo.Conn) ([]aclEntry, error) {
	rows, err := redigo.Values(redigo.DoContext(conn, ctx, "ACL", "LOG", "64"))
	if err != nil {
		return nil, err
	}
	var list []aclEntry
	for _, row := range rows {
		flat, err := redigo.Values(row, nil)
		if err != nil {
			return nil, err
		}
		list = append(list, aclEntryOf(flat))
	}
	return list, nil
}

func aclEntryOf(flat []any) (e aclEntry) {
	for i := 0; i+1 < len(flat); i += 2 {
		name, _ := redigo.String(flat[i], nil)
		text, _ := redigo.String(flat[i+1], nil)
		switch name {
		case "reason":
			e.Reason = text
		case "username":
			e.User = text
		case "object":
			e.Object = text
		case "count":
			e.Count, _ = redigo.Int64(flat[i+1], nil)
		case "age-seconds":
			age, _ := strconv.ParseFloat(text, 64)
			e.Age = time.Duration(age * float64(time.Second))
		case "client-info":
			e.Client = clientAddr(text)
		}
	}
	return e
}

// clientAddr finds addr=… in what CLIENT LIST shows.
func clientAddr(info string) string {
	for part := range strings.FieldsSeq(info) {
		if addr, ok := strings.CutPrefix(part, "addr="); ok {
			return addr
		}
	}
	return ""
}

// fields are names and values as a server tells them.
type fields map[string]string

// parseInfo reads INFO.
func parseInfo(text string) fields {
	f := fields{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && !strings.HasPrefix(name, "#") {
			f[name] = value
		}
	}
	return f
}

func (f fields) has(name string) bool { _, ok := f[name]; return ok }

// number returns 0 for what is no number.
func (f fields) number(name string) int64 {
	n, _ := strconv.ParseInt(f[name], 10, 64)
	return n
}

// server is the node for people.
func (n node) server() Server {
	return Server{Kind: "redis", Addr: n.addr, Version: n.version(), Role: n.role(), Latency: n.latency, Skew: n.skew, Facts: n.facts()}
}

func (n node) subject() string { return "redis " + n.addr }

func (n node) version() string {
	if v := n.info["valkey_version"]; v != "" {
		return "Valkey " + v
	}
	return "Redis " + n.info["redis_version"]
}

func (n node) role() string {
	if n.info["role"] == "slave" {
		return "replica of " + n.info["master_host"] + ":" + n.info["master_port"]
	}
	return "primary"
}

func (n node) facts() []Fact {
	memory := size(n.info.number("used_memory")) + " of " + size(n.maxmemory())
	if n.maxmemory() == 0 {
		memory = size(n.info.number("used_memory")) + ", no limit"
	}
	list := []Fact{
		{"latency", n.latency.String()},
		{"memory", memory + ", " + n.policy()},
		{"persistence", n.persistence()},
		{"clients", n.info["connected_clients"] + limit(n.info["maxclients"])},
	}
	if up := n.info.number("uptime_in_seconds"); up > 0 {
		list = append(list, Fact{"up for", span(time.Duration(up) * time.Second)})
	}
	return list
}

func limit(most string) string {
	if most == "" {
		return ""
	}
	return " of " + most
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// span is a duration for people.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= time.Minute:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return d.Round(time.Second).String()
}

// refusal is what a server says to a question that it does not take.
func refusal(err error) string {
	var answer redigo.Error
	if errors.As(err, &answer) {
		return string(answer)
	}
	return err.Error()
}
