package console

import (
	"time"

	"github.com/echoic-go/echoic/metrics"
)

// Overview is how one server is at one moment.
type Overview struct {
	Time    time.Time `json:"time"`
	Started time.Time `json:"started"`
	// Server is the name of the machine, Env and Prefix the application's.
	Server   string   `json:"server"`
	Version  string   `json:"version"`
	Env      string   `json:"env"`
	Prefix   string   `json:"prefix"`
	Cache    string   `json:"cache"`    // backend
	Sessions string   `json:"sessions"` // backend
	Warnings []string `json:"warnings,omitempty"`

	Pages     Pages         `json:"pages"`
	Values    Values        `json:"values"`
	Fragments Fragments     `json:"fragments"`
	Near      *Near         `json:"near,omitempty"`
	Stores    []Store       `json:"stores"`
	Breaker   *Breaker      `json:"breaker,omitempty"`
	Journal   Journal       `json:"journal"`
	Limiters  []Limiter     `json:"limiters,omitempty"`
	Count     *SessionCount `json:"session_count,omitempty"`
	Keyspace  *Keyspace     `json:"keyspace,omitempty"`
	Process   Process       `json:"process"`
}

// Pages are numbers of the page cache since it was made.
type Pages struct {
	Requests  uint64 `json:"requests"` // of visitors: the sum of the next five
	Hits      uint64 `json:"hits"`
	Stale     uint64 `json:"stale"`
	Collapsed uint64 `json:"collapsed"` // another request's answer
	Misses    uint64 `json:"misses"`
	Bypassed  uint64 `json:"bypassed"`
	Refreshes uint64 `json:"refreshes"` // in the background
	Waiting   int    `json:"waiting"`   // requests that wait for another's answer now

	Reasons map[string]uint64 `json:"reasons"`
	Kept    map[string]uint64 `json:"kept"`
	// Hit is the time that hits take, from a sample; Handler that of handlers.
	Hit     Latency `json:"hit"`
	Handler Latency `json:"handler"`
}

// HitRate is the part of the requests that no handler ran for, 0 to 1, of those
// that were looked up.
func (p Pages) HitRate() float64 {
	looked := p.Requests - min(p.Bypassed, p.Requests)
	if looked == 0 {
		return 0
	}
	return float64(p.Hits+p.Stale+p.Collapsed) / float64(looked)
}

// Values are numbers of the cache API since the cache was made; pages and fragments
// that are kept in it are counted, too.
type Values struct {
	Hits      uint64 `json:"hits"`
	Misses    uint64 `json:"misses"`
	Stale     uint64 `json:"stale"`
	Sets      uint64 `json:"sets"`
	Errors    uint64 `json:"errors"`
	Corrupt   uint64 `json:"corrupt"`
	Mismatch  uint64 `json:"mismatch"`
	Coalesced uint64 `json:"coalesced"`
	Refused   uint64 `json:"refused"`
}

// Fragments are numbers of the fragment cache since it was made.
type Fragments struct {
	Hits      uint64 `json:"hits"`
	Stale     uint64 `json:"stale"`
	Misses    uint64 `json:"misses"`
	Coalesced uint64 `json:"coalesced"`
	Stored    uint64 `json:"stored"`
	Private   uint64 `json:"private"`
	Refused   uint64 `json:"refused"`
	Failed    uint64 `json:"failed"`
	Errors    uint64 `json:"errors"`
}

// Near is what this process holds of a store outside.
type Near struct {
	Verified      bool              `json:"verified"`
	Since         time.Time         `json:"unverified_since,omitzero"`
	Down          map[string]string `json:"down,omitempty"` // feeds, and why
	Entries       int               `json:"entries"`
	Bytes         int64             `json:"bytes"`
	MaxBytes      int64             `json:"max_bytes"`
	Hits          uint64            `json:"hits"`
	Misses        uint64            `json:"misses"`
	Invalidations uint64            `json:"invalidations"`
	Evictions     uint64            `json:"evictions"`
	Eras          uint64            `json:"eras"` // how often everything was dropped
	Outrun        uint64            `json:"outrun"`
}

// Store is one place where things are kept.
type Store struct {
	Role     string `json:"role"` // primary, fallback, cache
	Kind     string `json:"kind"` // redis, postgres, sqlite, memory
	Addr     string `json:"addr,omitempty"`
	Version  string `json:"version,omitempty"`
	OK       bool   `json:"ok"`
	Problem  string `json:"problem,omitempty"`
	Entries  int64  `json:"entries"` // all that is there, ours or not
	AtLeast  bool   `json:"entries_at_least,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"`
	MaxBytes int64  `json:"max_bytes,omitempty"` // 0: no limit is known
	Policy   string `json:"policy,omitempty"`    // of eviction
	Evicted  uint64 `json:"evicted"`
	// Calls is the time that calls took, Errors those that failed.
	Calls  Latency `json:"calls"`
	Errors uint64  `json:"errors"`
}

// Breaker is who is in charge.
type Breaker struct {
	State         string `json:"state"` // closed, open, replaying
	Opened        int64  `json:"opened"`
	Answered      int64  `json:"answered"`
	Late          int64  `json:"late"`
	Refused       int64  `json:"refused"`
	Fallback      int64  `json:"fallback"`
	Full          int64  `json:"full"`
	Dirty         int    `json:"dirty"`
	PeersDegraded bool   `json:"peers_degraded"`
}

// Journal is the log of invalidations.
type Journal struct {
	Durable  bool          `json:"durable"`
	Alive    bool          `json:"alive"`
	Silence  time.Duration `json:"silence_ns"` // since it was last known to hold nothing new
	Length   int           `json:"length"`
	AtLeast  bool          `json:"length_at_least,omitempty"`
	Problem  string        `json:"problem,omitempty"`
	Heard    uint64        `json:"delivered"`
	Reads    uint64        `json:"reads"`
	Failures uint64        `json:"failures"`
	Pruned   uint64        `json:"pruned"`
	Position string        `json:"position"`
	// Delay is how long after their writing invalidations arrived.
	Delay Latency `json:"delay"`
}

// Limiter is one rate limiter.
type Limiter struct {
	Name     string `json:"name"`
	State    string `json:"state"` // shared, local
	Allowed  uint64 `json:"allowed"`
	Refused  uint64 `json:"refused"`
	Degraded uint64 `json:"degraded"` // answered by the local insurance
	Facts    []Fact `json:"facts,omitempty"`
}

// SessionCount is how many sessions there are.
type SessionCount struct {
	Sessions int64  `json:"sessions"`
	AtLeast  bool   `json:"at_least,omitempty"` // the count gave up
	Estimate bool   `json:"estimate,omitempty"` // from a sample of the keys
	Problem  string `json:"problem,omitempty"`
}

// Keyspace is an estimate of what a store holds, from a sample of its keys.
type Keyspace struct {
	Total  int64            `json:"total"`
	Sample int              `json:"sample"`
	Exact  bool             `json:"exact"` // all keys were looked at
	Kinds  map[string]int64 `json:"kinds"` // value, page, fragment, tag, session, other
}

// Process is the program itself.
type Process struct {
	Goroutines int    `json:"goroutines"`
	HeapBytes  uint64 `json:"heap_bytes"`
	CPUs       int    `json:"cpus"`
}

// Activity is what one server did since it was started.
type Activity struct {
	Routes []Route    `json:"routes"` // the busiest first
	Hits   []Rank     `json:"hits"`   // URLs by requests that the store answered
	Cost   []Rank     `json:"cost"`   // URLs by microseconds of their handlers
	Tags   []Rank     `json:"tags"`   // tags by pages that were stored with them
	Recent []Decision `json:"recent"` // the newest first

	// Values are keys, and Fragments names, as Hits and Cost are URLs: by reads
	// that found one, and by microseconds of loaders and renders.
	Values       []Rank `json:"values"`
	ValueCost    []Rank `json:"value_cost"`
	Fragments    []Rank `json:"fragments"`
	FragmentCost []Rank `json:"fragment_cost"`
}

// Route is what was done on one route template.
type Route struct {
	Template  string  `json:"template"` // empty where no router has said it
	Requests  uint64  `json:"requests"`
	Hits      uint64  `json:"hits"`
	Stale     uint64  `json:"stale"`
	Collapsed uint64  `json:"collapsed"`
	Misses    uint64  `json:"misses"`
	Bypassed  uint64  `json:"bypassed"`
	Refreshes uint64  `json:"refreshes"` // in the background
	Handler   Latency `json:"handler"`
	// Why and Kept are the most frequent reasons for a miss or bypass, and for
	// not keeping an answer.
	Why  []Rank `json:"why"`
	Kept []Rank `json:"kept"`
}

// HitRate is as that of [Pages].
func (r Route) HitRate() float64 {
	return Pages{Requests: r.Requests, Hits: r.Hits, Stale: r.Stale, Collapsed: r.Collapsed, Bypassed: r.Bypassed}.HitRate()
}

// Rank is a name and what it weighs: an estimate where the names are many.
type Rank struct {
	Name   string `json:"name"`
	Weight uint64 `json:"weight"`
	Error  uint64 `json:"error,omitempty"` // how much of it may be another's
}

// Decision is what was done with one request.
type Decision struct {
	Time   time.Time     `json:"time"`
	Method string        `json:"method"`
	URL    string        `json:"url"` // host, path and query
	Route  string        `json:"route"`
	Reason string        `json:"reason"`
	Kept   string        `json:"kept,omitempty"`
	Status int           `json:"status,omitempty"`
	Age    time.Duration `json:"age_ns,omitempty"`
	Tier   string        `json:"tier"`
	// Details are known of decisions in development.
	Details *Details `json:"details,omitempty"`
}

// Details are what a page was looked up under and carries, for how long it is fresh
// and why, and the application's code that kept it from being stored.
type Details struct {
	Key      []Fact        `json:"key,omitempty"`
	Tags     []string      `json:"tags,omitempty"`
	Life     time.Duration `json:"life_ns,omitempty"`
	LifeFrom string        `json:"life_from,omitempty"`
	Code     string        `json:"code,omitempty"` // file:line (function)
}

// Latency is how long something took: how often, and estimates of quantiles.
type Latency struct {
	Count uint64        `json:"count"`
	Sum   time.Duration `json:"sum_ns"`
	Mean  time.Duration `json:"mean_ns"`
	P50   time.Duration `json:"p50_ns"`
	P95   time.Duration `json:"p95_ns"`
	P99   time.Duration `json:"p99_ns"`
	// Histogram is what the rest follows from; not in JSON.
	Histogram metrics.Latency `json:"-"`
}

// LatencyOf describes a histogram.
func LatencyOf(l metrics.Latency) Latency {
	return Latency{
		Count: l.Count, Sum: l.Sum, Mean: l.Mean(), P50: l.Quantile(0.5), P95: l.Quantile(0.95), P99: l.Quantile(0.99), Histogram: l,
	}
}
