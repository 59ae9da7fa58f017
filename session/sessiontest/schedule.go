package sessiontest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/echoic-go/echoic/session"
)

// Schedules per setting and store.
const (
	schedules = 60
	steps     = 30
)

// SchedulesVariable is the environment variable that multiplies the number of
// random schedules, by 10 for example. Defaults to 1.
const SchedulesVariable = "SESSIONTEST_SCHEDULES"

// scale multiplies n as the environment wants it.
func scale(n int) int {
	if by, err := strconv.Atoi(os.Getenv(SchedulesVariable)); err == nil && by > 0 {
		return n * by
	}
	return n
}

var scheduleRules = []rule{
	{"random schedules, no idle timeout", func(s *suite) { s.schedules(session.Config{}) }},
	{"random schedules, idle timeout", func(s *suite) { s.schedules(session.Config{IdleTimeout: time.Hour}) }},
	{"random schedules, idle timeout, hashed tokens", func(s *suite) {
		s.schedules(session.Config{IdleTimeout: time.Hour, HashTokens: true})
	}},
}

func (s *suite) schedules(cfg session.Config) {
	for seed := range uint64(scale(schedules)) {
		s.schedule(cfg, seed)
	}
}

// schedule is one random order of the steps of several requests on two servers,
// and what is known about the sessions.
type schedule struct {
	*suite
	random  *rand.Rand
	hashed  bool
	servers [2]*server
	log     []string

	tokens []string        // all that were ever handed out
	open   []*step         // requests under way
	held   map[string]bool // keys that ever held the secret
	ended  map[string]bool // keys that were there and are not any more
	live   map[string]session.Record
	seed   uint64
	moved  bool // this step may have given the secret a new key
}

// step is a request under way.
type step struct {
	*request
	token string // what it presented
	moves bool   // it has renewed its token and not yet saved
	out   bool   // it has logged out
	later bool   // it may have moved the deadline, and with it that of the cookie
}

// schedule plays one random schedule. Two invariants are checked after each of
// its steps: a key that is gone never comes back; and when all keys that ever
// held the secret are gone, and no renewal is under way, the secret is gone. No
// request sends the cookie that it was asked with, and only a logout deletes it.
func (s *suite) schedule(cfg session.Config, seed uint64) {
	s.Helper()
	a, b := s.servers(cfg)
	p := &schedule{
		suite: s, random: rand.New(rand.NewPCG(seed, 1)), servers: [2]*server{a, b},
		seed: seed, hashed: cfg.HashTokens, held: make(map[string]bool), ended: make(map[string]bool),
	}
	p.tokens = []string{s.start(a, "secret"), s.start(b, "other")}
	p.observe()
	for range steps {
		p.next()
		p.observe()
	}
	for len(p.open) > 0 {
		p.finish(0)
		p.observe()
	}
	for key := range s.each(s.a) {
		s.remove(s.a, key)
	}
}

// next does one random thing.
func (p *schedule) next() {
	if len(p.open) == 0 || len(p.open) < 5 && p.random.IntN(4) == 0 {
		srv, token := p.servers[p.random.IntN(2)], p.tokens[p.random.IntN(len(p.tokens))]
		r := &step{request: srv.open(token), token: token}
		p.open = append(p.open, r)
		p.note(len(p.open)-1, "opens")
		srv.Exists(r, "x")
		return
	}
	i := p.random.IntN(len(p.open))
	r := p.open[i]
	m := r.server.Manager
	switch p.random.IntN(11) {
	case 0:
		p.note(i, "reads")
		m.GetString(r, "secret")
	case 1, 2:
		p.note(i, "writes")
		m.Put(r, "n", p.random.IntN(100))
	case 3:
		p.note(i, "renews")
		p.renewed(r, m.RenewToken(r))
	case 4:
		p.note(i, "logs in")
		p.renewed(r, m.Login(r, "ann"))
	case 5:
		p.note(i, "merges")
		source := p.tokens[p.random.IntN(len(p.tokens))]
		p.moved = strings.Contains(string(p.live[p.key(source)].Data), "secret")
		before := m.Token(r)
		err := m.MergeSession(r, source)
		if p.expect(err); m.Token(r) != before { // with a logged-in user's
			p.moved, r.moves = true, r.moves || err != nil
		}
		r.later = true
	case 6:
		p.note(i, "commits")
		_, _, err := m.Commit(r)
		p.expect(err)
		p.moved, r.moves = r.moves, false
	case 7:
		p.note(i, "logs out")
		p.expect(m.Logout(r))
		r.moves, r.out = false, true
	case 8:
		p.note(i, "time passes")
		p.age(30 * time.Minute)
	default:
		p.finish(i)
	}
}

// renewed notes a renewal: until it is saved, the request alone has the secret.
func (p *schedule) renewed(r *step, err error) {
	p.expect(err)
	r.moves = r.moves || err == nil
}

// key is what the token is stored under.
func (p *schedule) key(token string) string {
	if p.hashed {
		return hashOf(token)
	}
	return token
}

// expect ends the test for any error but that of an ended session.
func (p *schedule) expect(err error) {
	p.Helper()
	if err != nil && !errors.Is(err, session.ErrSessionGone) {
		p.Fatal(err)
	}
}

// finish ends a request and remembers the token that the browser gets.
func (p *schedule) finish(i int) {
	p.note(i, "finishes")
	r := p.open[i]
	p.moved = r.moves
	switch cookie := r.finish(); {
	case cookie == nil:
	case cookie.Value == r.token && r.later:
	case cookie.Value == r.token:
		p.broken("who has the cookie is not sent it again: a login may have been answered in the meantime")
	case cookie.Value != "":
		p.tokens = append(p.tokens, cookie.Value)
	case !r.out:
		p.broken("only a logout deletes the cookie")
	}
	p.open = append(p.open[:i], p.open[i+1:]...)
}

func (p *schedule) note(i int, what string) {
	p.log = append(p.log, fmt.Sprintf("request %d %s", i, what))
}

// observe looks at the store and checks the invariants.
func (p *schedule) observe() {
	p.Helper()
	before := p.live
	p.live = p.each(p.a)
	for key := range before {
		if _, there := p.live[key]; !there {
			p.ended[key] = true
		}
	}
	for key, rec := range p.live {
		if p.ended[key] {
			p.broken("a session that has ended never comes back")
		}
		if strings.Contains(string(rec.Data), "secret") {
			if p.over() {
				p.broken("the data of a session that has ended never come back")
			}
			p.held[key] = true
		}
	}
	p.moved = false
}

func (p *schedule) broken(rule string) {
	p.Helper()
	p.Fatalf("rule broken: %s (seed %d):\n%s", rule, p.seed, strings.Join(p.log, "\n"))
}

// over reports whether nobody can have the secret any more.
func (p *schedule) over() bool {
	if p.moved {
		return false
	}
	for _, r := range p.open {
		if r.moves {
			return false
		}
	}
	for key := range p.held {
		if !p.ended[key] {
			return false
		}
	}
	return len(p.held) > 0
}
