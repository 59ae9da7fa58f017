package sessiontest

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/session"
)

// counted is a store that counts its calls.
type counted struct {
	session.Store
	reads, writes atomic.Int64
	onOwned       func() // if set, called before each session that Owned yields
	onSwap        func() // if set, called before each Swap
}

func (c *counted) Fetch(ctx context.Context, key string) (session.Record, bool, error) {
	c.reads.Add(1)
	return c.Store.Fetch(ctx, key)
}

func (c *counted) Insert(ctx context.Context, key string, rec session.Record) (bool, error) {
	c.writes.Add(1)
	return c.Store.Insert(ctx, key, rec)
}

func (c *counted) Update(ctx context.Context, key string, rec session.Record) (bool, error) {
	c.writes.Add(1)
	return c.Store.Update(ctx, key, rec)
}

func (c *counted) Swap(ctx context.Context, key string, old []byte, rec session.Record) (bool, error) {
	c.writes.Add(1)
	if c.onSwap != nil {
		c.onSwap()
	}
	return c.Store.(session.Swapper).Swap(ctx, key, old, rec)
}

func (c *counted) Remove(ctx context.Context, key string) (bool, error) {
	c.writes.Add(1)
	return c.Store.Remove(ctx, key)
}

func (c *counted) Each(ctx context.Context) iter.Seq2[session.Entry, error] {
	return c.Store.(session.Lister).Each(ctx)
}

func (c *counted) Stamp(ctx context.Context, user string) (int64, error) {
	c.reads.Add(1)
	return c.Store.(session.Indexer).Stamp(ctx, user)
}

func (c *counted) Owned(ctx context.Context, user string) iter.Seq2[session.Entry, error] {
	c.reads.Add(1)
	if c.onOwned == nil {
		return c.Store.(session.Indexer).Owned(ctx, user)
	}
	return func(yield func(session.Entry, error) bool) {
		for entry, err := range c.Store.(session.Indexer).Owned(ctx, user) {
			c.onOwned()
			if !yield(entry, err) {
				return
			}
		}
	}
}

func (c *counted) Revoke(ctx context.Context, r session.Revocation) (int64, error) {
	c.writes.Add(1)
	return c.Store.(session.Indexer).Revoke(ctx, r)
}

// calls returns how many reads and writes there were since the last time.
func (c *counted) calls() (reads, writes int64) { return c.reads.Swap(0), c.writes.Swap(0) }

// server is a manager with its own handle on the store.
type server struct {
	*session.Manager
	store *counted
}

// servers returns one server for each store. Both have the same settings.
func (s *suite) servers(cfg session.Config) (a, b *server) {
	s.Helper()
	return s.server(s.a, cfg), s.server(s.b, cfg)
}

func (s *suite) server(store session.Store, cfg session.Config) *server {
	s.Helper()
	c := &counted{Store: store}
	cfg.Store, cfg.StoreBudget = c, time.Minute // a busy machine decides nothing here
	m, err := session.New(cfg)
	s.must(err)
	return &server{m, c}
}

// request is a request under way on a server, step by step.
type request struct {
	context.Context
	server *server
	writer *session.Writer
	answer *httptest.ResponseRecorder
}

// open begins a request that presents the token.
func (srv *server) open(token string) *request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if token != "" {
		r.AddCookie(&http.Cookie{Name: srv.Cookie.Name, Value: token})
	}
	r.Header.Set("User-Agent", "Test/1.0")
	answer := httptest.NewRecorder()
	w, r := srv.Open(answer, r)
	return &request{Context: r.Context(), server: srv, writer: w, answer: answer}
}

// finish ends the request and returns the cookie that it set, or nil.
func (r *request) finish() *http.Cookie {
	r.writer.Finish()
	cookies := r.answer.Result().Cookies()
	if len(cookies) == 0 {
		return nil
	}
	return cookies[len(cookies)-1]
}

// visit runs one whole request and returns its cookie.
func (srv *server) visit(token string, handle func(ctx context.Context)) *http.Cookie {
	r := srv.open(token)
	handle(r)
	return r.finish()
}

// start makes a session with the values and returns its token.
func (s *suite) start(srv *server, values ...string) string {
	s.Helper()
	cookie := srv.visit("", func(ctx context.Context) {
		for _, v := range values {
			srv.Put(ctx, v, v)
		}
	})
	if cookie == nil || cookie.Value == "" {
		s.Fatal("a session with values gets no cookie")
	}
	return cookie.Value
}

// age makes every session look as if it had last been used long ago: its expiry
// is near, but not over.
func (s *suite) age(left time.Duration) {
	s.Helper()
	for key := range s.each(s.a) {
		s.update(s.a, key, session.Record{Expiry: time.Now().Add(left)})
	}
}
