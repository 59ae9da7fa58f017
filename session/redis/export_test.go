package redis

import "github.com/echoic-go/echoic/session"

// Under returns a store with a longer prefix on the connections of s, which has
// to be of Sentinel or a Cluster: the suite wants hundreds of stores.
func Under(s Sessions, prefix string) session.Store {
	own := *s.(*linked)
	own.prefix += prefix
	return &own
}
