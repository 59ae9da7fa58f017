package near

// watch is shared by all who watch one key. It is guarded by the stripe's lock,
// apart from the channel, which is closed by whoever takes the watch out of the
// stripe.
type watch struct {
	changed chan struct{}
	holders int
}

// end tells those who watch. A nil watch has nobody.
func (w *watch) end() {
	if w != nil {
		close(w.changed)
	}
}

// Watch implements cache.Near. The channel is closed when key is invalidated or
// forgotten, when everything is dropped, when the tier is or becomes unverified,
// and at once when Config.MaxWatched keys are watched already. That a value
// expires or is evicted changes nothing. stop may be called more than once.
func (t *Tier) Watch(key string) (changed <-chan struct{}, stop func()) {
	s := t.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	// Under the lock: whoever ends all watches changes verified first.
	if !t.verified.Load() {
		return t.over, func() {}
	}
	w := s.watched[key]
	if w == nil {
		if t.watching.Add(1) > int64(t.cfg.MaxWatched) {
			t.watching.Add(-1)
			return t.over, func() {}
		}
		w = &watch{changed: make(chan struct{})}
		if s.watched == nil {
			s.watched = make(map[string]*watch)
		}
		s.watched[key] = w
	}
	w.holders++
	stopped := false
	return w.changed, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if stopped {
			return
		}
		stopped = true
		if w.holders--; w.holders == 0 && s.watched[key] == w {
			t.unwatch(s, key)
		}
	}
}

// unwatch takes the watch of key out of the stripe, whose lock is held.
func (t *Tier) unwatch(s *stripe, key string) *watch {
	w := s.watched[key]
	if w != nil {
		delete(s.watched, key)
		t.watching.Add(-1)
	}
	return w
}

// endWatches ends all watches.
func (t *Tier) endWatches() {
	for i := range t.stripes {
		s := &t.stripes[i]
		s.mu.Lock()
		all := s.watched
		s.watched = nil
		t.watching.Add(-int64(len(all)))
		s.mu.Unlock()
		for _, w := range all {
			w.end()
		}
	}
}
