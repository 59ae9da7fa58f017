package testenv

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
)

const (
	// sentinelCount is how many sentinels watch; two of them decide.
	sentinelCount = 3
	// masterName is what the sentinels call the primary.
	masterName = "mymaster"
	// topologyPatience is how long servers may take to find each other, or to
	// agree on a new primary, on a busy machine.
	topologyPatience = 30 * time.Second
	// adminPatience bounds one command of the fixture's own.
	adminPatience = 5 * time.Second
)

// SentinelConfig says what NewSentinel starts. The zero value has a random
// password for the data nodes, none for the sentinels, and takes a primary for
// dead after half a second.
type SentinelConfig struct {
	// Password is that of the data nodes. Defaults to a random one.
	Password string
	// SentinelPassword is what clients of the sentinels have to present.
	// Defaults to none.
	SentinelPassword string
	// DownAfter is how long the primary may be silent. Defaults to 500ms.
	DownAfter time.Duration
	// TLS, if not nil, encrypts everything.
	TLS *Certificates
	// Config are further lines for the redis.conf of the data nodes, and
	// SentinelLines for that of the sentinels.
	Config, SentinelLines []string
}

// Sentinel is a primary and a replica that three sentinels watch, for one test.
type Sentinel struct {
	// URL leads to database 0 by way of the sentinels:
	// redis://:password@s1:port,s2:port,s3:port/mymaster/0.
	URL string
	// Master is what the sentinels call the primary.
	Master string
	// Nodes are the data nodes; the first one is the primary at the start.
	Nodes []*RedisServer
	// Sentinels are the three sentinels.
	Sentinels []*RedisServer

	t testing.TB
}

// NewSentinel starts a primary, its replica and three sentinels for t alone, and
// returns when they know each other. All may be killed, stopped and restarted.
func NewSentinel(t testing.TB, cfg SentinelConfig) *Sentinel {
	t.Helper()
	if cfg.Password == "" {
		cfg.Password = rand.Text()
	}
	if cfg.DownAfter == 0 {
		cfg.DownAfter = 500 * time.Millisecond
	}
	s := &Sentinel{Master: masterName, t: t}
	node := RedisConfig{InMemory: true, Password: cfg.Password, TLS: cfg.TLS, Config: append([]string{
		"masterauth " + cfg.Password, "repl-diskless-sync-delay 0", "repl-timeout 5",
	}, cfg.Config...)}
	primary := NewRedis(t, node)
	node.Config = append(slices.Clone(node.Config), "replicaof 127.0.0.1 "+portOf(primary.Addr))
	s.Nodes = []*RedisServer{primary, NewRedis(t, node)}
	s.startSentinels(cfg)
	var addrs []string
	for _, sentinel := range s.Sentinels {
		addrs = append(addrs, sentinel.Addr)
	}
	u := url.URL{Scheme: "redis", User: url.UserPassword("", cfg.Password), Host: strings.Join(addrs, ","), Path: "/" + masterName + "/0"}
	if cfg.TLS != nil {
		u.Scheme = "rediss"
	}
	s.URL = u.String()
	Eventually(t, topologyPatience, s.ready, "the sentinels know the replica and each other")
	return s
}

// startSentinels tells each sentinel of the others, which would otherwise take
// them seconds to find out.
func (s *Sentinel) startSentinels(cfg SentinelConfig) {
	s.t.Helper()
	var addrs, ids []string
	for range sentinelCount {
		addrs = append(addrs, FreeAddr(s.t))
		ids = append(ids, hexID())
	}
	for i, addr := range addrs {
		lines := []string{
			"sentinel myid " + ids[i],
			fmt.Sprintf("sentinel monitor %s 127.0.0.1 %s %d", masterName, portOf(s.Nodes[0].Addr), sentinelCount/2+1),
			fmt.Sprintf("sentinel auth-pass %s %s", masterName, cfg.Password),
			fmt.Sprintf("sentinel down-after-milliseconds %s %d", masterName, cfg.DownAfter.Milliseconds()),
			fmt.Sprintf("sentinel failover-timeout %s 3000", masterName),
			fmt.Sprintf("sentinel known-replica %s 127.0.0.1 %s", masterName, portOf(s.Nodes[1].Addr)),
		}
		if cfg.SentinelPassword != "" {
			lines = append(lines, "sentinel sentinel-pass "+cfg.SentinelPassword)
		}
		for j := range addrs {
			if j != i {
				lines = append(lines, fmt.Sprintf("sentinel known-sentinel %s 127.0.0.1 %s %s", masterName, portOf(addrs[j]), ids[j]))
			}
		}
		s.Sentinels = append(s.Sentinels, NewRedis(s.t, RedisConfig{
			Addr: addr, Sentinel: true, TLS: cfg.TLS,
			Password: cfg.SentinelPassword, NoPassword: cfg.SentinelPassword == "",
			Config: append(lines, cfg.SentinelLines...),
		}))
	}
}

// ready reports whether a failover would succeed.
func (s *Sentinel) ready() bool {
	for _, sentinel := range s.Sentinels {
		state, err := redis.StringMap(sentinel.Do("SENTINEL", "MASTER", masterName))
		if err != nil || state["flags"] != "master" || state["num-slaves"] != "1" || state["num-other-sentinels"] != "2" {
			return false
		}
		replicas, err := redis.Values(sentinel.Do("SENTINEL", "REPLICAS", masterName))
		if err != nil || len(replicas) != 1 {
			return false
		}
		replica, err := redis.StringMap(replicas[0], nil)
		if err != nil || replica["flags"] != "slave" || replica["master-link-status"] != "ok" {
			return false
		}
	}
	return true
}

// PrimaryAddr is the address of the primary, as a sentinel that answers says.
func (s *Sentinel) PrimaryAddr() string {
	s.t.Helper()
	var failures []error
	for _, sentinel := range s.Sentinels {
		pair, err := redis.Strings(sentinel.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName))
		if err == nil && len(pair) == 2 {
			return net.JoinHostPort(pair[0], pair[1])
		}
		failures = append(failures, err)
	}
	s.t.Fatalf("testenv: no sentinel names the primary: %v", errors.Join(failures...))
	return ""
}

// Primary is the data node at PrimaryAddr.
func (s *Sentinel) Primary() *RedisServer {
	s.t.Helper()
	addr := s.PrimaryAddr()
	for _, node := range s.Nodes {
		if node.Addr == addr {
			return node
		}
	}
	s.t.Fatalf("testenv: the sentinels name %s, which is none of the data nodes", addr)
	return nil
}

// Failover makes the replica the primary in good order, and returns when all
// sentinels say so.
func (s *Sentinel) Failover() {
	s.t.Helper()
	old := s.PrimaryAddr()
	var last error
	Eventually(s.t, topologyPatience, func() bool {
		// It is refused while the replica's last answer is too old, say.
		_, last = s.Sentinels[0].Do("SENTINEL", "FAILOVER", masterName)
		return last == nil
	}, "the sentinel begins a failover")
	s.AwaitPrimaryOtherThan(old)
}

// AwaitPrimaryOtherThan returns when every sentinel that answers has another
// primary than addr.
func (s *Sentinel) AwaitPrimaryOtherThan(addr string) {
	s.t.Helper()
	Eventually(s.t, topologyPatience, func() bool {
		for _, sentinel := range s.Sentinels {
			pair, err := redis.Strings(sentinel.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName))
			if err == nil && net.JoinHostPort(pair[0], pair[1]) == addr {
				return false
			}
		}
		return true
	}, "the sentinels name another primary than %s", addr)
}

// hexID is an id as sentinels and cluster nodes have them.
func hexID() string {
	var id [20]byte
	_, _ = rand.Read(id[:]) // never fails
	return fmt.Sprintf("%x", id)
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}
