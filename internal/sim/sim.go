package sim

import (
	"errors"
	"math/rand/v2"
	"time"
)

// Config is a site. The zero value of a field takes its default.
type Config struct {
	// Servers share one Redis. Defaults to 1000.
	Servers int
	// Pages is how many different ones there are. Defaults to 10 million.
	Pages int
	// Exponent is that of Zipf's law by which pages are asked for and edited,
	// greater than 1. Defaults to 1.01.
	Exponent float64
	// Requests is how many are simulated, to all servers together, after as
	// many as WarmUp. Both default to 20,000 for each server.
	Requests, WarmUp int
	// Rate is in requests per second and server. Defaults to 200.
	Rate float64
	// EditsPerRequest is how many pages are edited and purged for one request.
	// Defaults to 0.001.
	EditsPerRequest float64
	// TTL is a page's time to live. Defaults to 15 minutes.
	TTL time.Duration
	// PageBytes is a page's size in a process and in Redis. Defaults to 10,240.
	PageBytes int
	// NearBytes bounds what a server holds. Defaults to 64 MiB.
	NearBytes int
	// Seed makes everything repeatable.
	Seed uint64
}

func (cfg Config) withDefaults() (Config, error) {
	def := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	def(&cfg.Servers, 1000)
	def(&cfg.Pages, 10_000_000)
	def(&cfg.Requests, 20_000*cfg.Servers)
	def(&cfg.WarmUp, cfg.Requests)
	def(&cfg.PageBytes, 10<<10)
	def(&cfg.NearBytes, 64<<20)
	for _, f := range []struct {
		v  *float64
		to float64
	}{{&cfg.Exponent, 1.01}, {&cfg.Rate, 200}, {&cfg.EditsPerRequest, 0.001}} {
		if *f.v == 0 {
			*f.v = f.to
		}
	}
	if cfg.TTL == 0 {
		cfg.TTL = 15 * time.Minute
	}
	switch {
	case cfg.Servers < 1 || cfg.Pages < 2 || cfg.Requests < 1 || cfg.WarmUp < 0:
		return cfg, errors.New("sim: Servers, Pages, Requests and WarmUp have to be positive")
	case cfg.Exponent <= 1 || cfg.Rate <= 0 || cfg.EditsPerRequest < 0:
		return cfg, errors.New("sim: Exponent has to be above 1, Rate positive, EditsPerRequest not negative")
	case cfg.NearBytes < cfg.PageBytes:
		return cfg, errors.New("sim: NearBytes is less than one page")
	}
	return cfg, nil
}

// Result is what a simulation has counted, after the warm-up.
type Result struct {
	Requests int
	Edits    int
	// NearHits were answered from the process, RedisHits from Redis, and the
	// rest by the handler.
	NearHits, RedisHits, Runs int
	// Trips and Commands are what Redis was asked: round trips, and the commands
	// in them.
	Trips, Commands int
	// Messages are invalidations that Redis sent to servers.
	Messages int
	// HeldMean and HeldMost are pages in one process at the end.
	HeldMean, HeldMost int
	// InRedis is how many pages were alive in Redis at the end.
	InRedis int
	// Plain is the same traffic on a page cache that keeps pages in Redis only.
	Plain Plain
	// Seconds is the virtual time that was simulated.
	Seconds float64
	// Config is what was simulated, with its defaults.
	Config Config
}

// Plain is a page cache in Redis: a GET for every request, a SET for every page
// that is made, a DEL for every edit.
type Plain struct {
	Hits, Runs, Trips, Commands int
}

// What the toolkit's parts ask of Redis, in commands, those in scripts included:
// internal/chaos measures that it is no more.
const (
	// LookupCommands is the look for a page, and TokenCommands that for the
	// tokens of its tags. A server that holds a page asks for nothing.
	LookupCommands, TokenCommands = 1, 1
	// FillCommands is what follows a lookup that found nothing: the lease, a
	// second look, the tokens, the page, and the end of the lease.
	FillCommands = 8
	// PurgeCommands is what a purge costs, and PurgeCommandsPerServer what it
	// makes each server ask, which is told of it by the journal.
	PurgeCommands, PurgeCommandsPerServer = 10, 2
)

// The round trips in which they are asked, and the messages that follow.
const (
	lookupTrips, tokenTrips, fillTrips, purgeTrips = 1, 1, 5, 3
	// fillWrites and purgeWrites are keys under the prefixes that servers track:
	// each write is one message to each server. A fill writes and removes its
	// lease outside of them; a purge writes the sequence and the token.
	fillWrites, purgeWrites = 2, 2
)

// site is a running simulation.
type site struct {
	cfg     Config
	zipf    *rand.Zipf
	random  *rand.Rand
	now     float64 // seconds
	near    []*lru
	version []uint32 // of a page: how often it was edited
	// shared and sharedUntil are what Redis has of a page: a version plus one,
	// 0 for nothing. The plain cache has the same: a page is in both or neither.
	shared      []uint32
	sharedUntil []float32
	result      *Result
}

// Run simulates cfg.
func Run(cfg Config) (*Result, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(cfg.Seed, 1))
	s := &site{
		cfg: cfg, random: random, zipf: rand.NewZipf(random, cfg.Exponent, 1, uint64(cfg.Pages-1)),
		version: make([]uint32, cfg.Pages), shared: make([]uint32, cfg.Pages), sharedUntil: make([]float32, cfg.Pages),
		result: &Result{},
	}
	for range cfg.Servers {
		s.near = append(s.near, newLRU(cfg.NearBytes/cfg.PageBytes))
	}
	s.run(cfg.WarmUp)
	s.result = &Result{Config: cfg}
	began := s.now
	s.run(cfg.Requests)
	s.result.Seconds = s.now - began
	s.count()
	return s.result, nil
}

// run serves so many requests, with the edits between them.
func (s *site) run(requests int) {
	step := 1 / (s.cfg.Rate * float64(s.cfg.Servers))
	owed := 0.0
	for range requests {
		s.now += step
		for owed += s.cfg.EditsPerRequest; owed >= 1; owed-- {
			s.edit(uint32(s.zipf.Uint64()))
		}
		s.request(s.random.IntN(s.cfg.Servers), uint32(s.zipf.Uint64()))
	}
}

// request asks one server for a page.
func (s *site) request(server int, page uint32) {
	r, near := s.result, s.near[server]
	r.Requests++
	current, now := s.version[page], float32(s.now)
	inRedis := s.shared[page] == current+1 && now < s.sharedUntil[page]
	s.plain(inRedis)
	if version, until, ok := near.get(page); ok && version == current && now < until {
		r.NearHits++
		return
	}
	r.Trips, r.Commands = r.Trips+lookupTrips, r.Commands+LookupCommands
	if inRedis {
		r.RedisHits++
		r.Trips, r.Commands = r.Trips+tokenTrips, r.Commands+TokenCommands
		near.put(page, current, s.sharedUntil[page])
		return
	}
	r.Runs++
	r.Trips, r.Commands = r.Trips+fillTrips, r.Commands+FillCommands
	r.Messages += fillWrites * s.cfg.Servers
	s.shared[page], s.sharedUntil[page] = current+1, now+float32(s.cfg.TTL.Seconds())
	// The process holds what it reads, not what it writes: the next request
	// for the page reads it.
}

// plain counts the same request for the other cache.
func (s *site) plain(inRedis bool) {
	p := &s.result.Plain
	p.Trips, p.Commands = p.Trips+1, p.Commands+1
	if inRedis {
		p.Hits++
		return
	}
	p.Runs++
	p.Trips, p.Commands = p.Trips+1, p.Commands+1
}

// edit changes a page and purges its tag. Who holds it hears of that.
func (s *site) edit(page uint32) {
	r := s.result
	r.Edits++
	s.version[page]++
	r.Trips, r.Messages = r.Trips+purgeTrips, r.Messages+purgeWrites*s.cfg.Servers
	r.Commands += PurgeCommands + PurgeCommandsPerServer*s.cfg.Servers
	r.Plain.Trips, r.Plain.Commands = r.Plain.Trips+1, r.Plain.Commands+1
}

// count looks at what is held at the end.
func (s *site) count() {
	total := 0
	for _, near := range s.near {
		total += near.len()
		s.result.HeldMost = max(s.result.HeldMost, near.len())
	}
	s.result.HeldMean = total / len(s.near)
	for page := range s.shared {
		if s.shared[page] == s.version[page]+1 && float32(s.now) < s.sharedUntil[page] {
			s.result.InRedis++
		}
	}
}
