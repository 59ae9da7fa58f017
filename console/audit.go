package console

import (
	"sync"
	"time"
)

// Action is one thing that an operator did.
type Action struct {
	Time     time.Time `json:"time"`
	Operator string    `json:"operator"`
	Address  string    `json:"address"`
	What     string    `json:"what"` // purge tag, revoke sessions, …
	Target   string    `json:"target"`
	Result   string    `json:"result"`
	OK       bool      `json:"ok"`
}

// mostActions is how many are remembered; the log has all.
const mostActions = 200

// mostText bounds each text of an action, in bytes.
const mostText = 1024

// audit remembers what was done. It is safe for concurrent use.
type audit struct {
	mu   sync.Mutex
	ring []Action
	next int
}

func newAudit() *audit { return &audit{ring: make([]Action, 0, mostActions)} }

func (a *audit) add(done Action) {
	for _, text := range []*string{&done.Operator, &done.Address, &done.What, &done.Target, &done.Result} {
		if len(*text) > mostText {
			*text = (*text)[:mostText]
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.ring) < mostActions {
		a.ring = append(a.ring, done)
		return
	}
	a.ring[a.next] = done
	a.next = (a.next + 1) % mostActions
}

// list returns what is remembered, the newest first.
func (a *audit) list() []Action {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Action, 0, len(a.ring))
	for i := range a.ring {
		list = append(list, a.ring[(a.next-1-i+2*len(a.ring))%len(a.ring)])
	}
	return list
}

// Actions returns what operators did lately, the newest first, 200 at most.
func (c *Console) Actions() []Action { return c.audit.list() }
