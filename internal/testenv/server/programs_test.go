package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

// program makes an executable file.
func program(t *testing.T, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestFindRedis(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", filepath.Join(dir, "path"))
	elsewhere := filepath.Join(dir, "elsewhere")

	_, err := server.FindRedisIn([]string{elsewhere})
	var missing *server.MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("without a program: %v; want a *MissingError", err)
	}
	for _, hint := range []string{"apt-get install redis-server", "brew install redis", "ECHOIC_TEST_REDIS_URL"} {
		if !strings.Contains(err.Error(), hint) {
			t.Errorf("the error does not say %q: %v", hint, err)
		}
	}
	// Each one is preferred to those before it.
	for _, path := range [][]string{{elsewhere, "valkey-server"}, {dir, "path", "valkey-server"}, {elsewhere, "redis-server"}, {dir, "path", "redis-server"}} {
		program(t, path...)
		if got, err := server.FindRedisIn([]string{elsewhere}); err != nil || got != filepath.Join(path...) {
			t.Errorf("found %q, %v; want %s", got, err, filepath.Join(path...))
		}
	}
}

func TestFindPostgres(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", filepath.Join(dir, "path"))
	patterns := []string{filepath.Join(dir, "none-*"), filepath.Join(dir, "lib", "*", "bin")}

	_, err := server.FindPostgresIn(patterns)
	var missing *server.MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("without a program: %v; want a *MissingError", err)
	}
	for _, hint := range []string{"apt-get install postgresql", "brew install postgresql", "ECHOIC_TEST_POSTGRES_URL"} {
		if !strings.Contains(err.Error(), hint) {
			t.Errorf("the error does not say %q: %v", hint, err)
		}
	}
	install := func(path ...string) {
		program(t, append(path, "initdb")...)
		program(t, append(path, "postgres")...)
	}
	install(dir, "lib", "9", "bin")
	install(dir, "lib", "15", "bin")
	program(t, dir, "lib", "16", "bin", "initdb") // postgres is missing
	program(t, dir, "path", "initdb")             // here, too
	if got, err := server.FindPostgresIn(patterns); err != nil || got != filepath.Join(dir, "lib", "15", "bin") {
		t.Errorf("found %q, %v; want version 15", got, err)
	}
	install(dir, "path")
	if got, err := server.FindPostgresIn(patterns); err != nil || got != filepath.Join(dir, "path") {
		t.Errorf("found %q, %v; want the one in PATH", got, err)
	}
}

func TestFreeAddrNeverRepeats(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		addr, err := server.FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		if seen[addr] {
			t.Fatalf("%s was handed out twice", addr)
		}
		seen[addr] = true
	}
}

func TestFindBrowser(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(server.BrowserVariable, filepath.Join(dir, "absent"))
	_, err := server.FindBrowser()
	var missing *server.MissingError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "apt-get install chromium") {
		t.Errorf("a path without a program: %v; want a *MissingError with a remedy", err)
	}
	program(t, dir, "own")
	t.Setenv(server.BrowserVariable, filepath.Join(dir, "own"))
	if got, err := server.FindBrowser(); err != nil || got != filepath.Join(dir, "own") {
		t.Errorf("found %q, %v; want that of the variable", got, err)
	}
	t.Setenv(server.BrowserVariable, "")
	t.Setenv("PATH", dir)
	program(t, dir, "chromium-browser")
	if got, err := server.FindBrowser(); err != nil || got != filepath.Join(dir, "chromium-browser") {
		t.Errorf("found %q, %v; want that in PATH", got, err)
	}
}
