// Command smoke builds the example app and the CLI, starts them as a user
// would, and asks them over HTTP whether the promises of the README's first
// screen hold: pages come, the second one from the cache and byte for byte the
// same, unknown pages and bad configurations get a proper answer.
//
//	smoke [-servers]
//
// With -servers it does the same again in production mode, on private Redis
// and Postgres servers. It prints a line per check and exits with 1 if any
// failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

// limit bounds the whole run, builds from a cold cache included.
const limit = 8 * time.Minute

func main() {
	servers := flag.Bool("servers", false, "also run in production mode, on private Redis and Postgres servers")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	s := &smoke{}
	if err := s.run(ctx, *servers); err != nil {
		s.report("set-up", err)
	}
	fmt.Printf("%d passed, %d failed\n", s.passed, s.failed)
	if s.failed > 0 {
		stop()
		os.Exit(1)
	}
}

// smoke counts what was checked.
type smoke struct {
	dir            string // scratch, with bin/ in it
	passed, failed int
}

// report prints the outcome of one check.
func (s *smoke) report(name string, err error) {
	if err != nil {
		s.failed++
		fmt.Printf("FAIL  %s: %v\n", name, err)
		return
	}
	s.passed++
	fmt.Printf("ok    %s\n", name)
}

func (s *smoke) run(ctx context.Context, servers bool) (err error) {
	if s.dir, err = os.MkdirTemp("", "echoic-smoke-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	if err := s.build(ctx); err != nil {
		return err
	}
	s.mode(ctx, mode{name: "development"})
	s.refusals(ctx)
	if servers {
		return s.production(ctx)
	}
	return nil
}

// build does what make build does: without cgo, so that Go alone is enough.
func (s *smoke) build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", filepath.Join(s.dir, "bin")+"/", "./example-app", "./cmd/echoic")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// production runs the checks on private servers.
func (s *smoke) production(ctx context.Context) (err error) {
	workspace, err := server.NewWorkspace()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, workspace.Close()) }()
	redis, err := workspace.StartRedis(ctx, server.RedisConfig{})
	if err != nil {
		return err
	}
	postgres, err := workspace.StartPostgres(ctx, server.PostgresConfig{Durable: true})
	if err != nil {
		return err
	}
	s.mode(ctx, mode{name: "production", env: []string{
		"APP_ENV=production", "REDIS_URL=" + redis.URL(1), "DATABASE_URL=" + postgres.URL("postgres"),
	}})
	return nil
}
