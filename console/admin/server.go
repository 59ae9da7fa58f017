package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/echoic-go/echoic/console"
)

// Version is that of the protocol, in every path.
const Version = "v1"

const (
	mostBody     = 64 << 10
	mostHeader   = 16 << 10
	drainTimeout = 2 * time.Second
	// unixHost is what requests on a socket call the server.
	unixHost = "echoic"
)

// Config is what a server is made of.
type Config struct {
	// Source is what is served; what else it can do (console.Inspector, Purger,
	// Sessions, Explainer, and [Warmer]) is served too. Required.
	Source console.Source
	// Address is the path of a unix socket, or a loopback address and port.
	Address string
	// Token has to come with every request, if it is not empty; a port needs one.
	Token string
	// Logger gets every change that is asked for. Defaults to discarding.
	Logger *slog.Logger
}

// Warmer fills the page cache.
type Warmer interface {
	// Warm asks for the pages as an anonymous visitor would, and tells each of
	// them, one at a time. An error that is a *console.TargetError is shown to who
	// asks.
	Warm(ctx context.Context, order WarmOrder, told func(Warmed)) error
}

// WarmOrder says which pages to ask for, and how fast.
type WarmOrder struct {
	URLs []string `json:"urls,omitempty"`
	// Sitemaps are URLs of sitemaps that the site itself serves.
	Sitemaps []string `json:"sitemaps,omitempty"`
	// Top adds so many of the URLs that were wanted most since the start.
	Top int `json:"top,omitempty"`
	// PerSecond bounds how many requests begin in a second. 0 is 50, the most is
	// 1000.
	PerSecond float64 `json:"per_second,omitempty"`
}

// problem says what is wrong with an order, or nothing.
func (o WarmOrder) problem() string {
	switch {
	case len(o.URLs) == 0 && len(o.Sitemaps) == 0 && o.Top == 0:
		return "nothing to warm: give URLs, sitemaps, or how many of the most wanted"
	case o.Top < 0 || o.Top > mostTop:
		return "the most wanted are 1 to 256"
	case !(o.PerSecond >= 0 && o.PerSecond <= mostPerSecond):
		return "the rate is 0 to 1000 a second"
	}
	return ""
}

const (
	mostTop       = 256 // as many are known
	mostPerSecond = 1000
)

// Warmed is what became of one URL.
type Warmed struct {
	URL     string        `json:"url"`
	Status  int           `json:"status,omitempty"`
	Cache   string        `json:"cache_status,omitempty"`
	Took    time.Duration `json:"took_ns"`
	Problem string        `json:"problem,omitempty"`
	// Total is how many pages the order comes to.
	Total int `json:"total,omitempty"`
}

// Server answers. It is safe for concurrent use.
type Server struct {
	cfg    Config
	addr   string
	token  [sha256.Size]byte
	http   *http.Server
	remove func() error
	once   sync.Once
	done   chan struct{}
	err    error
}

// Listen starts to answer. ctx bounds the start only.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Source == nil {
		return nil, errors.New("admin: Config.Source is nil: set what is to be served")
	}
	if err := CheckAddress(cfg.Address, cfg.Token); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	listener, remove, err := listen(ctx, cfg.Address)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, addr: listener.Addr().String(), token: sha256.Sum256([]byte(cfg.Token)), remove: remove, done: make(chan struct{})}
	if isPath(cfg.Address) {
		s.addr = cfg.Address
	}
	s.http = &http.Server{
		Handler: s.guard(s.routes()), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: mostHeader, ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			cfg.Logger.Error("admin: ended", "address", s.addr, "error", err)
		}
	}()
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.addr }

// Close ends it and waits. It is idempotent.
func (s *Server) Close() error {
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		if s.err = s.http.Shutdown(ctx); s.err != nil {
			s.err = s.http.Close()
		}
		<-s.done
		s.err = errors.Join(s.err, s.remove())
	})
	return s.err
}

// guard lets in who has the token and is no browser.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		sum := sha256.Sum256([]byte(given))
		switch {
		case r.Host != s.host() || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "":
			refuse(w, http.StatusForbidden, "this is for the command line only")
		case s.cfg.Token != "" && subtle.ConstantTimeCompare(sum[:], s.token[:]) != 1:
			refuse(w, http.StatusUnauthorized, "the token is missing or wrong: set ADMIN_TOKEN to the application's")
		case r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json":
			refuse(w, http.StatusUnsupportedMediaType, "send application/json")
		default:
			r.Body = http.MaxBytesReader(w, r.Body, mostBody)
			next.ServeHTTP(w, r)
		}
	})
}

func (s *Server) host() string {
	if isPath(s.cfg.Address) {
		return unixHost
	}
	return s.addr
}

// failure is the body of an answer that is none.
type failure struct {
	Error  string `json:"error"`
	Target bool   `json:"target,omitempty"` // it is the question that is wrong
}

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, failure{Error: text})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who asked has gone
}
