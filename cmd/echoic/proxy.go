package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/cmd/echoic/internal/proxy"
	"github.com/echoic-go/echoic/pagecache"
)

// proxyCommand is echoic proxy.
type proxyCommand struct {
	Listen       string        `required:"" placeholder:"HOST:PORT" help:"Where to listen; port 0 takes a free one and says which."`
	Origin       *url.URL      `required:"" placeholder:"URL" help:"The server whose answers are cached, such as http://127.0.0.1:8080."`
	Redis        string        `placeholder:"URL" help:"Keep the answers in Redis instead of this process."`
	Prefix       string        `default:"echoic_proxy" help:"What keys in Redis begin with."`
	TTL          time.Duration `placeholder:"5m" help:"How long answers are fresh that do not say it themselves. Without it only answers with explicit freshness or a validator are kept."`
	StaleIfError time.Duration `placeholder:"1h" help:"How long stale answers are served when the origin answers with an error."`
	MaxBytes     int64         `default:"268435456" help:"Memory for answers in this process."`
	MaxBody      int           `default:"8388608" help:"The longest body that is kept."`
	Timeout      time.Duration `default:"1m" help:"How long the origin may take to begin an answer."`
	Forwarded    bool          `default:"true" negatable:"" help:"Tell the origin about clients in X-Forwarded-For, -Host and -Proto."`
	Trust        []string      `placeholder:"CIDR" help:"Peers that may say what the client asked for, such as a balancer in front: requests of others with X-Forwarded-Port, X-Original-URL and the like are not cached."`
	Explain      bool          `help:"Say in Cache-Status why an answer was not cached."`
}

// Run serves until ctx ends, and then lets the requests that are under way end.
func (c *proxyCommand) Run(ctx context.Context, s streams) (err error) {
	logger := slog.New(slog.NewTextHandler(s.err, nil))
	pages, closePages, err := c.pages(ctx, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closePages()) }()
	handler, err := proxy.New(proxy.Config{Origin: c.Origin, Pages: pages, Timeout: c.Timeout, Forwarded: c.Forwarded, Logger: logger})
	if err != nil {
		return err
	}
	defer handler.Close()
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Listening on http://%s before %s\n", listener.Addr(), c.Origin.Redacted())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err = <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = server.Shutdown(ending)
	<-served
	return err
}

// pages opens the store and the page cache over it.
func (c *proxyCommand) pages(ctx context.Context, logger *slog.Logger) (*pagecache.Pages, func() error, error) {
	trusted := make([]netip.Prefix, len(c.Trust))
	for i, text := range c.Trust {
		var err error
		if trusted[i], err = netip.ParsePrefix(text); err != nil {
			return nil, nil, fmt.Errorf("proxy: --trust %q: give a network, such as 10.0.0.0/8", text)
		}
	}
	store, err := c.store(ctx, logger)
	if err != nil {
		return nil, nil, err
	}
	kept, err := cache.New(cache.Config{Store: store, Prefix: c.Prefix, IgnoreErrors: true, Logger: logger})
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	pages, err := pagecache.New(pagecache.Config{
		Cache: kept, Strict: true, TTL: c.TTL, Heuristic: 0.1, StaleIfError: c.StaleIfError, MaxBodyBytes: c.MaxBody,
		TrustedProxies: trusted, Development: c.Explain, Logger: logger,
	})
	if err != nil {
		return nil, nil, errors.Join(err, kept.Close(), store.Close())
	}
	return pages, func() error { return errors.Join(pages.Close(), kept.Close(), store.Close()) }, nil
}

func (c *proxyCommand) store(ctx context.Context, logger *slog.Logger) (cache.Store, error) {
	if c.Redis != "" {
		return redis.New(ctx, redis.Config{URL: c.Redis, Logger: logger})
	}
	return memory.New(memory.Config{MaxEntries: 1 << 20, MaxBytes: c.MaxBytes})
}
