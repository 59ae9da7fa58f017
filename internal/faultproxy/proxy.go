package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what a proxy stands before. Only Target is required.
type Config struct {
	// Target is host:port, or unix:/path.
	Target string
	// Listen is host:port, or unix:/path. Defaults to a free port of 127.0.0.1.
	Listen string
	// Seed makes the jitter repeatable.
	Seed uint64
	// MaxConns bounds the connections that are open at the same time; more are
	// reset at the door. Defaults to 4096.
	MaxConns int
	// DialTimeout bounds the dialling of the target. Defaults to 5 s.
	DialTimeout time.Duration
}

// Proxy passes connections on, and spoils them. It is safe for concurrent use.
type Proxy struct {
	cfg      Config
	network  string // of the address that it listens on
	addr     string
	counters counters
	settings [directions]atomic.Pointer[setting]

	ctx  context.Context // ends with Close; it bounds dialling
	stop context.CancelFunc
	work sync.WaitGroup

	mu     sync.Mutex
	closed bool
	door   door
	next   uint64 // number of the next connection
	links  map[*link]struct{}
}

// Start starts a proxy without faults.
func Start(cfg Config) (*Proxy, error) {
	if cfg.Target == "" {
		return nil, errors.New("faultproxy: Config.Target is empty: name the host:port to stand before")
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 4096
	}
	if cfg.DialTimeout == 0 {
		cfg.DialTimeout = 5 * time.Second
	}
	p := &Proxy{cfg: cfg, links: map[*link]struct{}{}}
	p.network, p.addr = splitNetwork(cfg.Listen)
	p.ctx, p.stop = context.WithCancel(context.Background())
	for d := range directions {
		p.settings[d].Store(&setting{changed: make(chan struct{})})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.listenLocked(); err != nil {
		p.stop()
		return nil, err
	}
	p.addr = p.door.listener.Addr().String() // with the port that was chosen
	return p, nil
}

// splitNetwork takes unix:/path and host:port apart.
func splitNetwork(addr string) (network, address string) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return "unix", path
	}
	return "tcp", addr
}

// Addr returns where the proxy listens, as host:port or as a path. It stays the
// same for as long as the proxy lives.
func (p *Proxy) Addr() string { return p.addr }

// Close stops listening, resets all connections and waits until nothing of the
// proxy is left. It is idempotent.
func (p *Proxy) Close() error {
	p.mu.Lock()
	var err error
	if !p.closed {
		p.closed = true
		p.stop()
		err = p.door.shut()
	}
	links := p.linksLocked()
	p.mu.Unlock()
	for _, l := range links {
		l.reset()
	}
	p.work.Wait()
	if err != nil {
		return fmt.Errorf("faultproxy: closing the listener on %s: %w", p.addr, err)
	}
	return nil
}

// Set makes f the faults of one direction, in place of those that it had.
func (p *Proxy) Set(d Direction, f Faults) {
	p.mu.Lock()
	before := p.settings[d].Load()
	p.settings[d].Store(&setting{Faults: f, firstNew: p.next, changed: make(chan struct{})})
	links := p.linksLocked()
	p.mu.Unlock()
	close(before.changed)
	for _, l := range links {
		l.resetIfBroken()
	}
}

// SetBoth is Set for both directions.
func (p *Proxy) SetBoth(f Faults) {
	p.Set(ToServer, f)
	p.Set(ToClient, f)
}

// Partition makes both directions swallow everything, for old and new
// connections, without a word to anybody.
func (p *Proxy) Partition() { p.SetBoth(Faults{Blackhole: true}) }

// Heal takes all faults away and admits connections again. Connections that
// have lost bytes are reset.
func (p *Proxy) Heal() error {
	p.SetBoth(Faults{})
	return p.Admit(Everybody)
}

// Reset resets (RST) all open connections, on both sides, and returns how many
// that were.
func (p *Proxy) Reset() int {
	p.mu.Lock()
	links := p.linksLocked()
	p.mu.Unlock()
	for _, l := range links {
		l.reset()
	}
	return len(links)
}

func (p *Proxy) linksLocked() []*link {
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	return links
}

// faults returns what acts on connection n, and a channel that is closed when
// that changes.
func (p *Proxy) faults(d Direction, n uint64) (Faults, <-chan struct{}) {
	s := p.settings[d].Load()
	return s.of(n), s.changed
}

// dial connects to the target.
func (p *Proxy) dial() (net.Conn, error) {
	network, address := splitNetwork(p.cfg.Target)
	dialer := net.Dialer{Timeout: p.cfg.DialTimeout}
	return dialer.DialContext(p.ctx, network, address)
}
