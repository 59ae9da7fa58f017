package ratelimit

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// beatEvery is how often a server shows itself, and seenFor how long it
	// counts as there.
	beatEvery = time.Second
	seenFor   = 5 * time.Second
	// probeEvery is how often a store that is away is asked.
	probeEvery = 250 * time.Millisecond
	// enoughProbes in a row say that it is back.
	enoughProbes = 2
	// probeTag and probeKey are where it is asked before it has failed anywhere.
	probeTag = "probe"
	probeKey = "probe"
)

// probeLimit is that of the question whether the store takes writes.
var probeLimit = Limit{Name: "probe", Requests: 1000, Period: time.Second, Burst: 1000}

// attend shows this server to the others, and asks a store that is away whether
// it is back.
func (l *Limiter) attend() {
	defer close(l.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	good := 0
	for {
		select {
		case <-timer.C:
		case <-l.kick:
			good = 0
		case <-l.life.Done():
			return
		}
		pause := beatEvery
		err := l.beat()
		if l.mode.Load().local {
			pause = probeEvery
			if err == nil {
				err = l.probe()
			}
			if good++; err != nil {
				good = 0
			}
			if good >= enoughProbes {
				l.regain()
				good, pause = 0, beatEvery
			}
		}
		timer.Reset(pause)
	}
}

// beat shows this server. What it heard last of the others stays known while the
// store is away.
func (l *Limiter) beat() error {
	if l.registry == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(l.life, beatEvery/2)
	defer cancel()
	known := l.servers.Load()
	ids, err := l.registry.Beat(ctx, known.own, seenFor)
	if err != nil {
		return err
	}
	if !slices.Contains(ids, known.own) {
		ids = append(ids, known.own)
	}
	l.servers.Store(&servers{own: known.own, ids: ids})
	return nil
}

// probe asks for a decision where the store has failed last, as quickly as a
// request would need it.
func (l *Limiter) probe() error {
	ctx, cancel := context.WithTimeout(l.life, l.cfg.Deadline)
	defer cancel()
	tag, _ := l.failed.Load().(string)
	allowed, err := l.cfg.Store.Take(ctx, tag, []Charge{{Key: probeKey, Room: probeLimit.room(), Cost: probeLimit.interval()}})
	if err == nil && !allowed {
		err = errors.New("ratelimit: the store has no room for a probe")
	}
	return err
}

// current is who decides now. A store that has lost buckets says so by itself.
func (l *Limiter) current() *mode {
	m := l.mode.Load()
	if l.forgetful == nil || m.local || l.forgetful.Losses() == m.losses {
		return m
	}
	l.changing.Lock()
	defer l.changing.Unlock()
	if m = l.mode.Load(); !m.local {
		if losses := l.losses(); losses != m.losses {
			m = m.forget(time.Now(), losses)
			l.mode.Store(m)
		}
	}
	return m
}

// lose makes this server decide.
func (l *Limiter) lose(err error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	m := l.mode.Load()
	if m.local {
		return
	}
	now := time.Now()
	calm := now.Sub(m.since) >= time.Duration(l.longest.Load()) || m.before == 0
	if calm {
		l.table.Clear()
	}
	l.mode.Store(m.lose(now, calm))
	l.counted.outages.Add(1)
	l.cfg.Logger.WarnContext(l.life, "ratelimit: the store is away: this server decides with its share of the limits", "error", err, "servers", l.count())
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// regain makes the store decide again.
func (l *Limiter) regain() {
	l.changing.Lock()
	defer l.changing.Unlock()
	m := l.mode.Load()
	if !m.local {
		return
	}
	now := time.Now()
	l.breaker.reset(now)
	l.mode.Store(m.regain(now, l.losses()))
	l.cfg.Logger.InfoContext(l.life, "ratelimit: the store decides again", "away", now.Sub(m.since))
}
