package redisconn

import "time"

// follow keeps a session with several servers until the link is closed. It asks
// the VerifyFunc about those that become primaries, and lets calls wait or fail
// while that is open.
func (l *Link) follow(s *session) {
	tick := time.NewTicker(topologyRefresh)
	defer tick.Stop()
	pause := firstPause
	for l.life.Err() == nil {
		select {
		case <-l.nodes.suspected:
		case <-tick.C:
			if l.target.Kind() != Cluster || !l.nodes.moved(s.client) {
				continue
			}
		case <-l.life.Done():
			return
		}
		switch changed, err := l.review(s); {
		case changed:
			pause = firstPause
			continue
		case err != nil:
			l.nodes.suspect() // it is still open who was met
		}
		// Nothing new: whoever is refused is refused again soon.
		l.sleep(pause)
		pause = min(2*pause, longestPause)
	}
}

// review looks who the primaries are, and returns when they are trusted. changed
// says that some were not before.
func (l *Link) review(s *session) (changed bool, err error) {
	pause := firstPause
	for l.life.Err() == nil {
		err := l.nodes.secure()
		open := l.state.Load().session != nil
		switch {
		case err == nil && open:
			return false, nil
		case err == nil:
			l.up()
			l.become(&linkState{session: s})
			return true, nil
		case open:
			return false, err // they could not be asked: nobody new is known
		}
		l.down(err)
		l.sleep(pause)
		pause = min(2*pause, longestPause)
	}
	return false, nil
}
