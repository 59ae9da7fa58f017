package pubsub

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// shortestPause and longestPause are between attempts to connect.
	shortestPause = 25 * time.Millisecond
	longestPause  = time.Second
	// openTimeout bounds an attempt, and each request on the connection.
	openTimeout = 5 * time.Second
	// mostAtOnce is how many channels one request names.
	mostAtOnce = 500
)

var errLost = errors.New("pubsub: the connection was lost")

// run keeps a connection while anybody is subscribed. It alone uses it.
func (p *PubSub) run() {
	defer close(p.done)
	pause, failing := shortestPause, false
	for p.awaitWanted() {
		err := p.hold(func() {
			if failing {
				p.cfg.Logger.InfoContext(p.life, "pubsub: connected again")
			}
			pause, failing = shortestPause, false
		})
		if p.life.Err() != nil || err == nil {
			continue
		}
		if !failing {
			p.cfg.Logger.WarnContext(p.life, "pubsub: not connected: subscribers miss messages, and are told when it is there again", "error", err)
		}
		failing = true
		sleep(p.life, pause/2+rand.N(pause/2+1))
		pause = min(2*pause, longestPause)
	}
}

// awaitWanted waits until somebody is subscribed. It is false after Close.
func (p *PubSub) awaitWanted() bool {
	for p.life.Err() == nil {
		p.mu.Lock()
		wanted := len(p.channels) > 0
		p.mu.Unlock()
		if wanted {
			return true
		}
		select {
		case <-p.kick:
		case <-p.life.Done():
		}
	}
	return false
}

// hold opens a connection and keeps it until it is lost or nobody wants it.
func (p *PubSub) hold(well func()) (err error) {
	opening, cancel := context.WithTimeout(p.life, openTimeout)
	defer cancel()
	conn, err := p.cfg.Driver.Listen(opening, p.deliver)
	if err != nil {
		return err
	}
	defer func() {
		p.down(err != nil)
		_ = conn.Close() // why it has ended says more
	}()
	for {
		wanted, err := p.adjust(conn)
		if err != nil {
			return err
		}
		p.settle()
		well()
		if !wanted {
			return nil
		}
		select {
		case <-p.kick:
		case <-conn.Lost():
			return errLost
		case <-p.life.Done():
			return nil
		}
	}
}

// adjust subscribes to what is wanted and not there yet, and ends what nobody
// wants any more.
func (p *PubSub) adjust(conn Conn) (wanted bool, err error) {
	p.mu.Lock()
	wanted = len(p.channels) > 0
	var more, less []string
	for name := range p.channels {
		if !p.have[name] {
			more = append(more, name)
		}
	}
	for name := range p.have {
		if _, ok := p.channels[name]; !ok {
			less = append(less, name)
			delete(p.have, name)
		}
	}
	p.mu.Unlock()
	if err := inParts(p.life, less, conn.Unsubscribe); err != nil {
		return wanted, err
	}
	if err := inParts(p.life, more, conn.Subscribe); err != nil {
		return wanted, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range more {
		p.have[name] = true
	}
	return wanted, nil
}

func inParts(ctx context.Context, names []string, do func(context.Context, ...string) error) error {
	for len(names) > 0 {
		n := min(len(names), mostAtOnce)
		within, cancel := context.WithTimeout(ctx, openTimeout)
		err := do(within, names[:n]...)
		cancel()
		if err != nil {
			return err
		}
		names = names[n:]
	}
	return nil
}

// settle tells subscribers what they have: those from before the connection was
// opened, that they may have missed something.
func (p *PubSub) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.up && p.counted.losses.Load() > 0 {
		for s := range p.subs {
			if s.live {
				s.queue.miss()
			}
		}
	}
	p.up = true
	for s := range p.subs {
		p.settleLocked(s)
	}
}

// down forgets what the connection had.
func (p *PubSub) down(lost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up && lost {
		p.counted.losses.Add(1)
	}
	p.up = false
	clear(p.have)
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
