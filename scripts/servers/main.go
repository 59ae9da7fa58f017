// Command servers is what the Makefile uses to have Redis and Postgres.
//
//	servers check
//	servers run [-redis] [-postgres] [-dir DIR] -- PROGRAM [ARGUMENT...]
//
// Check prints the Debian packages that the tests need and that are missing,
// one a line, with what to do about it on standard error, and exits with 1 if
// there are any.
//
// Run starts PROGRAM with REDIS_URL and DATABASE_URL set. Variables that the
// environment or the file .env has are left alone, also empty ones, which
// switch a server off. Otherwise the servers come from compose.yaml if
// `docker compose` works here, else from the programs installed on this
// machine, with their data kept in DIR. Whatever was started is stopped when
// PROGRAM ends. The exit code is PROGRAM's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"

	"github.com/joho/godotenv"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

const usage = `usage: servers check
       servers run [-redis] [-postgres] [-dir DIR] -- PROGRAM [ARGUMENT...]
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	switch os.Args[1] {
	case "check":
		os.Exit(check())
	case "run":
		os.Exit(run(os.Args[2:]))
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
}

// check looks for what internal/testenv will look for.
func check() int {
	code := 0
	report := func(debian string, err error) {
		var missing *server.MissingError
		if errors.As(err, &missing) {
			fmt.Println(debian)
			fmt.Fprintf(os.Stderr, "%s is missing: %s.\n", missing.Program, missing.Remedy)
			code = 1
		}
	}
	if os.Getenv(server.RedisVariable) == "" {
		_, err := server.FindRedis()
		report("redis-server", err)
	}
	if os.Getenv(server.PostgresVariable) == "" {
		_, err := server.FindPostgres()
		report("postgresql", err)
	}
	if os.Getenv(server.BrowserVariable) != "none" {
		_, err := server.FindBrowser()
		report("chromium", err)
	}
	return code
}

// need is what PROGRAM wants and the environment does not have.
type need struct {
	redis, postgres bool
	dir             string
}

func run(args []string) int {
	flags := flag.NewFlagSet("servers run", flag.ContinueOnError)
	redis := flags.Bool("redis", false, "set REDIS_URL")
	postgres := flags.Bool("postgres", false, "set DATABASE_URL")
	dir := flags.String("dir", ".run", "directory for the data of private servers")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	file, err := godotenv.Read(".env")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(os.Stderr, "servers: .env cannot be read:", err)
		return 2
	}
	unset := func(variable string) bool {
		_, environment := os.LookupEnv(variable)
		_, configured := file[variable]
		return !environment && !configured
	}
	want := need{redis: *redis && unset("REDIS_URL"), postgres: *postgres && unset("DATABASE_URL"), dir: *dir}
	code, err := serve(want, flags.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
		return max(code, 1)
	}
	return code
}

// serve has the servers, runs the program, and gives them up again.
func serve(want need, program []string) (code int, err error) {
	ctx, stop := interrupted(context.Background())
	defer stop()
	urls, release, err := provide(ctx, want)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if ctx.Err() != nil {
		return 1, nil
	}
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Env = append(os.Environ(), urls...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return attend(ctx, cmd)
}

// provide returns the variables to set and a function that stops what it
// started.
func provide(ctx context.Context, want need) (urls []string, release func() error, err error) {
	if !want.redis && !want.postgres {
		return nil, func() error { return nil }, nil
	}
	if composeWorks(ctx) {
		urls, release, err = provideByCompose(ctx, want)
		if err == nil {
			return urls, release, nil
		}
		fmt.Fprintln(os.Stderr, "servers:", err)
		fmt.Fprintln(os.Stderr, "servers: trying the programs that are installed on this machine instead")
	}
	return provideFromMachine(ctx, want)
}
