package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/internal/testenv"
)

// childVariable holds, in the environment of an app's process, its settings as
// JSON.
const childVariable = "ECHOIC_CHAOS_APP"

// settings are what an app is started with.
type settings struct {
	Name        string
	RedisURL    string
	DatabaseURL string
	// RowsURL is the Postgres database with the site's own rows. Empty:
	// DatabaseURL.
	RowsURL string
	Prefix  string
	// Skew is how much the app's clock is ahead of the machine's.
	Skew time.Duration
}

// Main is what TestMain of a package with chaos tests calls: in an app's process
// it is the app, and otherwise it runs the tests.
func Main(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		if err := runChild(text); err != nil {
			fmt.Fprintln(os.Stderr, "chaos:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(testenv.Wrap(m))
}

// Times of a child's life.
const (
	openTimeout  = 30 * time.Second
	drainTimeout = 10 * time.Second
)

// runChild runs the app until it gets SIGTERM, or its parent closes its standard
// input, or dies. The first line that it prints is its address.
func runChild(text string) (err error) {
	var set settings
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	app, err := echoic.Open(ctx, set.config())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	rows, err := pgxpool.New(ctx, orDefault(set.RowsURL, set.DatabaseURL))
	if err != nil {
		return err
	}
	defer rows.Close()
	limiter, limits, err := newLimiter(ctx, set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, limits.Close()) }()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newSite(app, rows, limiter), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	fmt.Println(listener.Addr())
	awaitEnd()
	ctx, cancel = context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err = server.Shutdown(ctx)
	if closed := <-ended; !errors.Is(closed, http.ErrServerClosed) {
		err = errors.Join(err, closed)
	}
	return err
}

// awaitEnd waits for SIGTERM or for the end of the standard input.
func awaitEnd() {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	parent := make(chan struct{})
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(parent)
	}()
	select {
	case <-term:
	case <-parent:
	}
}

// config is that of production, as the site's README would have it.
func (s settings) config() echoic.Config {
	cfg := echoic.DefaultConfig()
	cfg.Env, cfg.Addr = echoic.Production, "127.0.0.1:0"
	cfg.RedisURL, cfg.DatabaseURL, cfg.CachePrefix = s.RedisURL, s.DatabaseURL, s.Prefix
	cfg.CacheTTL = pageTTL
	if s.Skew != 0 {
		cfg.Now = func() time.Time { return time.Now().Add(s.Skew) }
	}
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("app", s.Name)
	return cfg
}
