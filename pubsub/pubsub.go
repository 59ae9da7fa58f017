package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says how messages go. Only Driver is required.
type Config struct {
	// Driver is the way. The bus does not close it.
	Driver Driver
	// Prefix is put before the names of channels, so that sites that share a
	// server do not hear each other. At most 100 bytes. Defaults to "echoic".
	Prefix string
	// Buffer is how many messages wait for one subscriber, and BufferBytes how
	// long their payloads are together; beyond either the oldest are dropped,
	// and the subscriber is told. 1 to 100000, defaults to 256; 1 KiB to 1 GiB,
	// defaults to 1 MiB.
	Buffer, BufferBytes int
	// MaxPayload bounds one message, in bytes. A driver may take less. 1 to
	// BufferBytes. Defaults to 64 KiB, or BufferBytes if that is less.
	MaxPayload int
	// MaxSubscriptions bounds those that are open. 1 to a million. Defaults to
	// 10000.
	MaxSubscriptions int
	// Patience is how long Subscribe waits for a server that is away, and how
	// long Publish takes at most. 1ms to 1m. Defaults to 2s.
	Patience time.Duration
	// Logger gets a line when the connection is lost and when it is back.
	// Defaults to discarding them.
	Logger *slog.Logger
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (cfg Config) withDefaults() (Config, error) {
	setDefault(&cfg.Prefix, "echoic")
	setDefault(&cfg.Buffer, 256)
	setDefault(&cfg.BufferBytes, 1<<20)
	setDefault(&cfg.MaxPayload, min(64<<10, cfg.BufferBytes))
	setDefault(&cfg.MaxSubscriptions, 10_000)
	setDefault(&cfg.Patience, 2*time.Second)
	setDefault(&cfg.Logger, slog.New(slog.DiscardHandler))
	wrong := func(field string, value any, remedy string) error {
		return fmt.Errorf("pubsub: Config.%s is %v: use %s", field, value, remedy)
	}
	switch {
	case cfg.Driver == nil:
		return cfg, errors.New("pubsub: Config.Driver is nil: open one of pubsub/redis, pubsub/postgres or pubsub/memory")
	case len(cfg.Prefix) > 100 || checkChannel(cfg.Prefix) != nil:
		return cfg, wrong("Prefix", fmt.Sprintf("%.40q", cfg.Prefix), "at most 100 bytes of UTF-8 without control characters")
	case cfg.Buffer < 1 || cfg.Buffer > 100_000:
		return cfg, wrong("Buffer", cfg.Buffer, "1 to 100000")
	case cfg.BufferBytes < 1<<10 || cfg.BufferBytes > 1<<30:
		return cfg, wrong("BufferBytes", cfg.BufferBytes, "1024 to 1073741824")
	case cfg.MaxPayload < 1 || cfg.MaxPayload > cfg.BufferBytes:
		return cfg, wrong("MaxPayload", cfg.MaxPayload, "1 to BufferBytes")
	case cfg.MaxSubscriptions < 1 || cfg.MaxSubscriptions > 1_000_000:
		return cfg, wrong("MaxSubscriptions", cfg.MaxSubscriptions, "1 to 1000000")
	case cfg.Patience < time.Millisecond || cfg.Patience > time.Minute:
		return cfg, wrong("Patience", cfg.Patience, "1ms to 1m")
	}
	return cfg, nil
}

// PubSub publishes and subscribes. It is safe for concurrent use.
type PubSub struct {
	cfg Config

	mu       sync.Mutex
	closed   bool
	subs     map[*Subscription]struct{}
	channels map[string]map[*Subscription]struct{} // who wants what
	have     map[string]bool                       // what the connection has
	up       bool

	kick    chan struct{} // what is wanted has changed
	life    context.Context
	stop    context.CancelFunc
	done    chan struct{}
	dropped atomic.Uint64 // of subscriptions that have ended
	counted struct{ published, delivered, losses atomic.Uint64 }
}

// New returns a bus. It connects when somebody subscribes. Close it before the
// driver.
func New(cfg Config) (*PubSub, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &PubSub{
		cfg: cfg, subs: make(map[*Subscription]struct{}), channels: make(map[string]map[*Subscription]struct{}),
		have: make(map[string]bool), kick: make(chan struct{}, 1), done: make(chan struct{}),
	}
	p.life, p.stop = context.WithCancel(context.Background())
	go p.run()
	return p, nil
}

// Close ends all subscriptions and waits until nothing is delivered any more. It
// is idempotent.
func (p *PubSub) Close() error {
	p.mu.Lock()
	p.closed = true
	for s := range p.subs {
		s.end()
	}
	p.mu.Unlock()
	p.stop()
	<-p.done
	return nil
}

func (p *PubSub) name(channel string) string { return p.cfg.Prefix + ":" + channel }

// Publish hands payload to everybody who is subscribed to the channel, in all
// processes, this one included. It returns when the server has it: that says
// nothing of subscribers. Errors are a *ChannelError, a *TooLargeError, ErrClosed,
// or wrap ErrUnavailable or the context's error; after the last two it may have
// been published all the same. It does not keep payload.
func (p *PubSub) Publish(ctx context.Context, channel string, payload []byte) error {
	if err := checkChannel(channel); err != nil {
		return err
	}
	if len(payload) > p.cfg.MaxPayload {
		return &TooLargeError{Size: len(payload), Most: p.cfg.MaxPayload}
	}
	if p.life.Err() != nil {
		return ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Patience)
	defer cancel()
	err := p.cfg.Driver.Publish(ctx, p.name(channel), payload)
	if err == nil {
		p.counted.published.Add(1)
	}
	return err
}

// Subscribe returns when everything that is published to the channels from now on
// will be received. If the server is away for longer than Config.Patience, or ctx
// ends before, it returns all the same; the subscription begins with a Missed when
// the server is there. Errors are a *ChannelError, ErrTooMany and ErrClosed. Close
// the subscription in the end; that of ctx does not end it.
func (p *PubSub) Subscribe(ctx context.Context, channels ...string) (*Subscription, error) {
	if len(channels) == 0 {
		return nil, &ChannelError{}
	}
	s := &Subscription{bus: p, queue: newQueue(p.cfg.Buffer, p.cfg.BufferBytes), done: make(chan struct{}), ready: make(chan struct{})}
	for _, channel := range channels {
		if err := checkChannel(channel); err != nil {
			return nil, err
		}
		if name := p.name(channel); !slices.Contains(s.channels, name) {
			s.channels = append(s.channels, name)
		}
	}
	if err := p.add(s); err != nil {
		return nil, err
	}
	timer := time.NewTimer(p.cfg.Patience)
	defer timer.Stop()
	select {
	case <-s.ready:
		return s, nil
	case <-s.done:
		return nil, ErrClosed
	case <-ctx.Done():
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.late = !s.live
	return s, nil
}

func (p *PubSub) add(s *Subscription) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrClosed
	case len(p.subs) >= p.cfg.MaxSubscriptions:
		return ErrTooMany
	}
	p.subs[s] = struct{}{}
	for _, name := range s.channels {
		if p.channels[name] == nil {
			p.channels[name] = make(map[*Subscription]struct{})
		}
		p.channels[name][s] = struct{}{}
	}
	p.settleLocked(s)
	p.look()
	return nil
}

func (p *PubSub) remove(s *Subscription) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.subs[s]; !ok {
		return
	}
	delete(p.subs, s)
	p.dropped.Add(s.queue.lost())
	for _, name := range s.channels {
		delete(p.channels[name], s)
		if len(p.channels[name]) == 0 {
			delete(p.channels, name)
		}
	}
	p.look()
}

// look has the goroutine compare what is wanted with what it has.
func (p *PubSub) look() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// settleLocked lets Subscribe return when all channels are there.
func (p *PubSub) settleLocked(s *Subscription) {
	if s.live || slices.ContainsFunc(s.channels, func(name string) bool { return !p.have[name] }) {
		return
	}
	s.live = true
	close(s.ready)
	if s.late {
		s.queue.miss()
	}
}

// deliver is called by the connection.
func (p *PubSub) deliver(name string, payload []byte) {
	channel, ok := strings.CutPrefix(name, p.cfg.Prefix+":")
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.channels[name] {
		s.queue.push(Message{Channel: channel, Payload: payload})
		p.counted.delivered.Add(1)
	}
}
