package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// What compose.yaml publishes. The ports are not the usual ones, on which a
// server of the machine's own may already listen.
const (
	composeRedis    = "redis://:echoic@127.0.0.1:16379/1"
	composePostgres = "postgres://echoic:echoic@127.0.0.1:15432/echoic?sslmode=disable"
)

// composeWorks says whether `docker compose` is there and reaches a daemon.
func composeWorks(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "docker", "compose", "version").Run() == nil &&
		exec.CommandContext(ctx, "docker", "info").Run() == nil
}

func provideByCompose(ctx context.Context, want need) ([]string, func() error, error) {
	var services, urls []string
	if want.redis {
		services, urls = append(services, "redis"), append(urls, "REDIS_URL="+composeRedis)
	}
	if want.postgres {
		services, urls = append(services, "postgres"), append(urls, "DATABASE_URL="+composePostgres)
	}
	release := func() error { return compose(context.Background(), append([]string{"stop"}, services...)) }
	if err := compose(ctx, append([]string{"up", "--detach", "--wait"}, services...)); err != nil {
		return nil, nil, errors.Join(err, release())
	}
	return urls, release, nil
}

func compose(ctx context.Context, args []string) error {
	command := append([]string{"compose", "--file", "compose.yaml"}, args...)
	cmd := exec.CommandContext(ctx, "docker", command...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("docker %v: %w", command, err)
	}
	return nil
}
