package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

// database is the name that compose.yaml uses, too.
const database = "echoic"

// provideFromMachine starts private servers from installed programs.
func provideFromMachine(ctx context.Context, want need) ([]string, func() error, error) {
	if err := installed(want); err != nil {
		return nil, nil, err
	}
	dir, err := server.KeptDir(want.dir)
	if err != nil {
		return nil, nil, err
	}
	workspace, err := server.OpenWorkspace(dir)
	if err != nil {
		return nil, nil, err
	}
	urls, err := start(ctx, workspace, want)
	if err != nil {
		return nil, nil, errors.Join(err, workspace.Close())
	}
	return urls, workspace.Close, nil
}

// installed reports all missing programs at once.
func installed(want need) error {
	var errs []error
	if want.redis {
		_, err := server.FindRedis()
		errs = append(errs, err)
	}
	if want.postgres {
		_, err := server.FindPostgres()
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w\nor set REDIS_URL and DATABASE_URL to running servers, or install Docker with its compose plugin", err)
	}
	return nil
}

func start(ctx context.Context, workspace *server.Workspace, want need) ([]string, error) {
	password, err := keptPassword(filepath.Join(workspace.Dir(), "password"))
	if err != nil {
		return nil, err
	}
	var urls []string
	if want.redis {
		redis, err := workspace.StartRedis(ctx, server.RedisConfig{Password: password})
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "servers: Redis listens on %s; its data is in %s\n", redis.Addr, redis.Dir)
		urls = append(urls, "REDIS_URL="+redis.URL(1))
	}
	if want.postgres {
		postgres, err := workspace.StartPostgres(ctx, server.PostgresConfig{Password: password, Durable: true})
		if err != nil {
			return nil, err
		}
		if err := createDatabase(ctx, postgres.URL("postgres")); err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "servers: Postgres listens on %s; its data is in %s\n", postgres.Addr, postgres.Dir)
		urls = append(urls, "DATABASE_URL="+postgres.URL(database))
	}
	return urls, nil
}

// keptPassword returns the password in file, which it makes at the first
// call: Postgres keeps the one that it was initialised with.
func keptPassword(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		return string(text), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	password := rand.Text()
	return password, os.WriteFile(file, []byte(password), 0o600)
}

func createDatabase(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&exists); err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+database)
	return err
}
