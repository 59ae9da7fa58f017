package faultproxy

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"time"
)

const (
	// chunkBytes is what is read at once, queueLength how many of that may be
	// under way: together they bound a direction's memory, at 1 MiB.
	chunkBytes  = 16 << 10
	queueLength = 64
)

// chunk is bytes under way. No bytes are the end of the stream.
type chunk struct {
	data   []byte
	read   time.Time
	jitter float64 // 0 to 1
}

// pump carries bytes in one direction: read fills a queue, write empties it.
type pump struct {
	link      *link
	direction Direction
	queue     chan chunk
	random    *rand.Rand

	// What write counts since the faults were set last.
	since <-chan struct{}
	sent  int64
}

func newPump(l *link, d Direction) *pump {
	return &pump{
		link: l, direction: d, queue: make(chan chunk, queueLength),
		random: rand.New(rand.NewPCG(l.proxy.cfg.Seed, l.number<<1|uint64(d))),
	}
}

// read queues what comes from conn, until it ends.
func (p *pump) read(conn net.Conn) {
	buffer := make([]byte, chunkBytes)
	for {
		n, err := conn.Read(buffer)
		now := time.Now()
		if n > 0 && !p.swallow(n) && !p.enqueue(chunk{append([]byte(nil), buffer[:n]...), now, p.random.Float64()}) {
			return
		}
		switch {
		case err == nil:
		case p.swallow(0):
			return
		case errors.Is(err, io.EOF):
			p.enqueue(chunk{read: now, jitter: p.random.Float64()})
			return
		default: // reset by the peer: the other side hears of it in the same way
			p.link.reset()
			return
		}
	}
}

// swallow takes n bytes out of the stream, or its end, if there is a blackhole.
func (p *pump) swallow(n int) bool {
	f, _ := p.link.faults(p.direction)
	if !f.Blackhole {
		return false
	}
	p.link.proxy.counters.swallowed[p.direction].Add(int64(n))
	p.link.lose()
	return true
}

func (p *pump) enqueue(c chunk) bool {
	select {
	case p.queue <- c:
		return true
	case <-p.link.dead:
		return false
	}
}

// write sends what is in the queue, each when its time has come.
func (p *pump) write(conn net.Conn) {
	for {
		var c chunk
		select {
		case c = <-p.queue:
		case <-p.link.dead:
			return
		}
		if !p.await(c) {
			return
		}
		switch {
		case p.swallow(len(c.data)):
			if len(c.data) == 0 {
				return // the link stays half open until it is reset
			}
		case len(c.data) == 0:
			halfClose(conn)
			return
		default:
			if !p.send(conn, c.data) {
				return
			}
		}
	}
}

// await returns when c is due, and false if the link has ended. A change of the
// faults counts at once.
func (p *pump) await(c chunk) bool {
	for {
		f, changed := p.link.faults(p.direction)
		if f.Stall {
			select {
			case <-changed:
				continue
			case <-p.link.dead:
				return false
			}
		}
		due := c.read.Add(f.Latency + time.Duration(c.jitter*float64(f.Jitter)))
		if passed, ok := p.pause(time.Until(due), changed); !ok {
			return false
		} else if passed {
			return true
		}
	}
}

// pause waits for d, and reports whether it has passed before something
// changed, and false if the link has ended.
func (p *pump) pause(d time.Duration, changed <-chan struct{}) (passed, ok bool) {
	if d <= 0 {
		return true, true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true, true
	case <-changed:
		return false, true
	case <-p.link.dead:
		return false, false
	}
}

// send writes data in the pieces that the faults ask for, and reports whether
// the link goes on.
func (p *pump) send(conn net.Conn, data []byte) bool {
	for len(data) > 0 {
		f, changed := p.link.faults(p.direction)
		if changed != p.since {
			p.since, p.sent = changed, 0
		}
		piece, pause := f.piece(data)
		cut := f.CutAfter > 0 && p.sent+int64(len(piece)) >= f.CutAfter
		if cut {
			piece = piece[:f.CutAfter-p.sent]
		}
		n, err := conn.Write(piece)
		p.sent += int64(n)
		p.link.proxy.counters.passed[p.direction].Add(int64(n))
		if cut {
			p.link.proxy.counters.cut.Add(1)
		}
		if cut || err != nil {
			p.link.reset()
			return false
		}
		data = data[n:]
		if _, ok := p.pause(pause, changed); !ok {
			return false
		}
	}
	return true
}

// piece returns what of data goes in one write, and how long to wait after it.
func (f Faults) piece(data []byte) (piece []byte, pause time.Duration) {
	piece = data
	if f.Slice > 0 {
		piece, pause = data[:min(f.Slice, len(data))], f.SlicePause
	}
	if f.Bandwidth > 0 {
		// A twentieth of a second's worth at once, so that changes and ends
		// are noticed soon.
		piece = piece[:min(max(f.Bandwidth/20, 1), len(piece))]
		pause += time.Duration(float64(len(piece)) / float64(f.Bandwidth) * float64(time.Second))
	}
	return piece, pause
}

// halfClose tells conn's peer that nothing more comes.
func halfClose(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
}
