package site

import (
	"context"

	"github.com/echoic-go/echoic/cache/live"
)

// Pages that are kept for everybody say who is signed in: the name is a hole,
// filled for each visitor. Reading the session for it makes no page private.
func (s *Site) openHoles() error {
	return s.app.Live.Live("username", live.HTML, func(ctx context.Context) (string, error) {
		r := live.Request(ctx)
		if r != nil && len(r.Header["Cookie"]) == 0 {
			return "My favourites", nil // the session is not looked at
		}
		if name := s.app.Sessions.UserID(ctx); name != "" {
			return name, nil
		}
		return "My favourites", nil
	})
}
