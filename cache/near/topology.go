package near

import (
	"slices"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
)

// topology knows which servers are the primaries now. It is used by the
// tracker's goroutine alone.
type topology interface {
	// described reports whether the nodes have to be asked for their views.
	described() bool
	// primaries returns their addresses, once each. The views are what the nodes
	// that were asked said.
	primaries(views [][]string) ([]string, error)
	close()
}

func (t *Tracker) newTopology() topology {
	switch target := t.plan.target; target.Kind() {
	case redisconn.Sentinel:
		option := t.plan.option
		option.DialCtxFn = t.dialer(option.DialCtxFn)
		option.ClientName += "-guide" // CLIENT LIST of the primary has both
		return &sentinels{option: option}
	case redisconn.Cluster:
		return clusterNodes(target.Addrs())
	default:
		return single(target.Addrs())
	}
}

// single is one server.
type single []string

func (s single) described() bool                        { return false }
func (s single) primaries([][]string) ([]string, error) { return s, nil }
func (s single) close()                                 {}

// clusterNodes are the nodes of the URL, from which the first views come, and
// new ones when nobody else is left.
//
// Every primary that any view has is wanted. While the views differ, after a
// failover, some of them cannot be had, and the tier is unverified until the
// nodes agree.
type clusterNodes []string

func (c clusterNodes) described() bool { return true }
func (c clusterNodes) close()          {}

func (c clusterNodes) primaries(views [][]string) ([]string, error) {
	if len(views) == 0 {
		return c, nil
	}
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(views...)))), nil
}

// sentinels follow a primary by a client of their own, which they tell of a
// failover, and which asks them every second besides.
type sentinels struct {
	option rueidis.ClientOption
	client rueidis.Client // nil until some sentinel and the primary answer
}

func (s *sentinels) described() bool { return false }

func (s *sentinels) primaries([][]string) ([]string, error) {
	if s.client == nil {
		client, err := rueidis.NewClient(s.option)
		if err != nil {
			if client != nil {
				client.Close()
			}
			return nil, err
		}
		s.client = client
	}
	addrs := make([]string, 0, 1)
	for addr := range s.client.Nodes() {
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

func (s *sentinels) close() {
	if s.client != nil {
		s.client.Close()
	}
}
