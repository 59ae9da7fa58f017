// Command example-app serves a site of motivational quotations that uses every
// part of Echoic. It needs no configuration: pages are cached in memory, and
// sessions and quotations are in SQLite files under data-dev. See .env.example
// for the variables.
//
// Exit codes: 0 it was asked to end, 1 it could not run, 2 the configuration is
// wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/echoic-go/echoic"
)

const (
	exitFailed = 1
	exitConfig = 2
)

const (
	// prefix is that of the site's keys, unless CACHE_PREFIX says otherwise.
	prefix = "motivational_app"
	// startTimeout bounds connecting and filling an empty database.
	startTimeout = 30 * time.Second
	// drainTimeout bounds how long requests may take to end after SIGTERM.
	drainTimeout = 10 * time.Second
)

func main() { os.Exit(run()) }

// run is main with an exit code.
func run() int {
	cfg, err := echoic.ConfigFromEnv()
	if err != nil {
		fmt.Fprintf(os.Stderr, "example-app: the configuration is wrong:\n%v\n", err)
		return exitConfig
	}
	if cfg.CachePrefix == echoic.DefaultConfig().CachePrefix {
		cfg.CachePrefix = prefix
	}
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: cfg.LogLevel}))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, cfg); err != nil {
		fmt.Fprintln(os.Stderr, "example-app:", err)
		return exitFailed
	}
	return 0
}

// serve runs the site until ctx ends.
func serve(ctx context.Context, cfg echoic.Config) (err error) {
	// First of all, so that a port that is taken is said at once.
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%s is taken by another program: end that, or set ADDR to another address, as in ADDR=127.0.0.1:9000", cfg.Addr)
		}
		return fmt.Errorf("cannot listen on %s: %w: set ADDR to an address of this machine", cfg.Addr, err)
	}
	defer func() { _ = listener.Close() }()
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	handler, closeAll, err := build(starting, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	server := &http.Server{
		Handler: handler, ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	server.RegisterOnShutdown(handler.EndStreams)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	cfg.Logger.Info("serving", "url", "http://"+listener.Addr().String(), "config", cfg)
	select {
	case err = <-ended:
		return err
	case <-ctx.Done():
	}
	cfg.Logger.Info("ending: no new requests, waiting for those under way")
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err = server.Shutdown(draining)
	if closed := <-ended; !errors.Is(closed, http.ErrServerClosed) {
		err = errors.Join(err, closed)
	}
	return err
}
