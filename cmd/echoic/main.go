// Command echoic sets up, checks and clears the caches and sessions of an
// application that uses Echoic. It reads the same environment variables and
// .env file as the application.
//
// Exit codes: 0 all is well, 1 something failed, 2 the command or the
// configuration is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/echoic-go/echoic"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// commands is the command line.
type commands struct {
	Check        checkCommand  `cmd:"" aliases:"setup-cache" help:"Connect to everything that is configured and send a value through every cache and the session store."`
	CreateTables tablesCommand `cmd:"" help:"Create the tables of cache and sessions where they are missing."`
	Clear        clearCommand  `cmd:"" help:"Drop everything that is cached under the prefix. Sessions stay."`
	Proxy        proxyCommand  `cmd:"" help:"Serve the answers of another HTTP server from a cache."`
}

// streams are what the commands read from and write to.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// errFailed ends the command with exit code 1 after it has said why.
var errFailed = errors.New("failed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// run is main without the process.
func run(ctx context.Context, args []string, s streams) int {
	var cli commands
	exit := -1
	parser, err := kong.New(&cli, kong.Name("echoic"), kong.Writers(s.out, s.err), kong.Exit(func(code int) { exit = code }),
		kong.Description("Sets up, checks and clears caches and sessions. Reads the application's environment variables and its .env file (see .env.example)."),
		kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(s))
	if err != nil {
		fmt.Fprintln(s.err, "echoic:", err)
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if err != nil {
		fmt.Fprintln(s.err, "echoic:", err)
		fmt.Fprintln(s.err, "Run echoic --help for the commands.")
		return exitUsage
	}
	cfg, err := echoic.ConfigFromEnv()
	if err != nil {
		fmt.Fprintf(s.err, "echoic: the configuration is wrong:\n%v\n", err)
		return exitUsage
	}
	cfg.Logger = slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelError}))
	switch err = command.Run(cfg); {
	case err == nil:
		return exitOK
	case !errors.Is(err, errFailed):
		fmt.Fprintln(s.err, "echoic:", err)
	}
	return exitFailed
}
