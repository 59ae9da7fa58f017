package pubsub

// Stats is what a bus has done since the start, for monitoring.
type Stats struct {
	// Connected says whether messages come now. A bus without subscriptions is
	// not connected.
	Connected bool
	// Subscriptions and Channels are how many there are.
	Subscriptions, Channels int
	// Published counts messages of this process, Delivered what its subscribers
	// got, Dropped what they were too slow for, Losses how often a connection
	// has ended.
	Published, Delivered, Dropped, Losses uint64
}

// Stats returns what the bus has done.
func (p *PubSub) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{
		Connected: p.up, Subscriptions: len(p.subs), Channels: len(p.channels),
		Published: p.counted.published.Load(), Delivered: p.counted.delivered.Load(), Dropped: p.dropped.Load(), Losses: p.counted.losses.Load(),
	}
	for sub := range p.subs {
		s.Dropped += sub.queue.lost()
	}
	return s
}
