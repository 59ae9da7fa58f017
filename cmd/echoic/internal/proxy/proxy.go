package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/pagecache"
)

// Config is what a [Proxy] is made of. Origin and Pages are required.
type Config struct {
	// Origin is the server behind: scheme, host and perhaps a path before
	// that of the request.
	Origin *url.URL
	// Pages keeps its answers. Its profile should be Strict.
	Pages *pagecache.Pages
	// Timeout is how long the origin may take to begin its answer. Defaults
	// to a minute.
	Timeout time.Duration
	// Forwarded adds X-Forwarded-For, -Host and -Proto for the origin.
	Forwarded bool
	// Logger gets one line when the origin cannot be reached and one when it
	// is back. Defaults to discarding.
	Logger *slog.Logger
}

// Proxy is an HTTP handler.
type Proxy struct {
	cfg       Config
	route     *pagecache.Route
	reverse   *httputil.ReverseProxy
	transport *http.Transport
	away      atomic.Bool // the last request did not reach the origin
}

// New makes a proxy.
func New(cfg Config) (*Proxy, error) {
	switch {
	case cfg.Pages == nil:
		return nil, errors.New("proxy: Config.Pages is nil: set the page cache")
	case cfg.Origin == nil, cfg.Origin.Host == "", cfg.Origin.Scheme != "http" && cfg.Origin.Scheme != "https":
		return nil, fmt.Errorf("proxy: Config.Origin is %q: give scheme and host, as in http://127.0.0.1:8080", cfg.Origin)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Proxy{cfg: cfg, route: cfg.Pages.Route(0)}
	p.transport = &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		DisableCompression:    true, // codings are end to end
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
		ResponseHeaderTimeout: cfg.Timeout,
	}
	p.reverse = &httputil.ReverseProxy{
		Transport: endToEnd{p.transport}, Rewrite: p.rewrite, ErrorHandler: p.failed, ModifyResponse: p.answered,
		FlushInterval: -1, // as it comes
		ErrorLog:      slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return p, nil
}

// Close closes idle connections to the origin.
func (p *Proxy) Close() error {
	p.transport.CloseIdleConnections()
	return nil
}

// ServeHTTP answers from the cache or asks the origin.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		http.Error(w, "This is no tunnel.", http.StatusMethodNotAllowed)
		return
	}
	if !p.cfg.Forwarded && p.steered(r) {
		if err := p.ask(w, r); err != nil {
			refuse(w, r, err)
		}
		return
	}
	if err := p.cfg.Pages.ServeWithin(p, w, r, p.route, p.ask); err != nil {
		refuse(w, r, err)
	}
}

// refuse says that there is no answer. A client that has gone gets none.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	status := http.StatusBadGateway
	var slow net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout() {
		status = http.StatusGatewayTimeout
	}
	http.Error(w, http.StatusText(status), status)
}

// outcome is where the reverse proxy leaves an error for the request's context.
type outcome struct{ err error }

type outcomeKey struct{}

// ask is the way of the page cache to the origin.
func (p *Proxy) ask(w http.ResponseWriter, r *http.Request) error {
	out := new(outcome)
	r = r.WithContext(context.WithValue(r.Context(), outcomeKey{}, out))
	w.Header()["Content-Type"] = nil // net/http guesses none, and the origin's is added to it
	p.reverse.ServeHTTP(w, r)
	if out.err == nil {
		return nil
	}
	if len(w.Header()["Content-Type"]) == 0 {
		delete(w.Header(), "Content-Type")
	}
	if r.Context().Err() == nil && !p.away.Swap(true) {
		p.cfg.Logger.Error("the origin cannot be reached", "origin", p.cfg.Origin.Redacted(), "error", out.err)
	}
	return fmt.Errorf("%w: %w", pagecache.ErrDisconnected, out.err)
}

// rewrite aims the request at the origin. All else stays as the client sent it.
func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	r.SetURL(p.cfg.Origin)
	r.Out.Host = r.In.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery // also what Go cannot parse
	for _, name := range [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values := r.In.Header[name]; len(values) > 0 {
			r.Out.Header[name] = values
		}
	}
	if p.cfg.Forwarded {
		r.SetXForwarded()
	}
	r.Out.Header["Via"] = append(append([]string(nil), r.In.Header["Via"]...), "1.1 echoic") // RFC 9110, section 7.6.3
	onlyOnce(r.Out)
}

// onlyOnce keeps the transport from sending a request a second time when the
// origin closed the connection after it had come: it does that only with bodies
// that it can read again. One that is empty, but does not look so, is not sent.
func onlyOnce(r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		if r.Body == nil || r.Body == http.NoBody {
			r.Body, r.GetBody, r.ContentLength = emptyBody{}, nil, 0
		}
	}
}

type emptyBody struct{}

func (emptyBody) Read([]byte) (int, error) { return 0, io.EOF }
func (emptyBody) Close() error             { return nil }

func (p *Proxy) failed(_ http.ResponseWriter, r *http.Request, err error) {
	if out, ok := r.Context().Value(outcomeKey{}).(*outcome); ok {
		out.err = err
	}
}

func (p *Proxy) answered(*http.Response) error {
	if p.away.Load() && p.away.Swap(false) {
		p.cfg.Logger.Info("the origin is back", "origin", p.cfg.Origin.Redacted())
	}
	return nil
}

// steered reports a request for a page with fields that the proxy would overwrite if
// it told the origin about clients. As it does not, they reach the origin, and are in
// no key.
func (p *Proxy) steered(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || p.cfg.Pages.Trusts(r) {
		return false
	}
	return len(r.Header["X-Forwarded-Host"]) > 0 || len(r.Header["X-Forwarded-Proto"]) > 0
}

// endToEnd keeps what an origin says to caches and browsers although it declares it
// to belong to the connection, which is never right (RFC 9110, section 7.6.1): the
// reverse proxy would take it off, and what it forbids would be kept.
type endToEnd struct{ http.RoundTripper }

func (t endToEnd) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.RoundTripper.RoundTrip(r)
	if err != nil || len(res.Header["Connection"]) == 0 {
		return res, err
	}
	var options []string
	for _, line := range res.Header["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			switch name = strings.TrimSpace(name); http.CanonicalHeaderKey(name) {
			case "Cache-Control", "Cdn-Cache-Control", "Expires", "Pragma", "Vary", "Set-Cookie", "Age", "Date", "Etag", "Last-Modified", "Content-Type", "Content-Encoding":
			default:
				options = append(options, name)
			}
		}
	}
	res.Header["Connection"] = []string{strings.Join(options, ", ")}
	return res, nil
}
