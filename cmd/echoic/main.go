// Command echoic sets up, checks, inspects and clears the caches and sessions of
// an application that uses Echoic. It reads the same environment variables and
// .env file as the application.
//
// Exit codes: 0 all is well, 1 something failed or was declined, 2 the command
// or the configuration is wrong, 3 a server or the application cannot be
// reached. docs/cli.md describes every command.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/console/admin"
	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/sqlconn"
)

const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitConnect = 3
)

// globals are the flags of all commands.
type globals struct {
	JSON bool `name:"json" help:"Print JSON for programs."`
}

// commands is the command line.
type commands struct {
	globals

	Check        checkCommand      `cmd:"" aliases:"setup-cache" help:"Connect to everything that is configured, send a value through every cache and the session store, and go through the security checklist."`
	CreateTables tablesCommand     `cmd:"" help:"Create the tables of cache and sessions where they are missing."`
	Clear        clearCommand      `cmd:"" help:"Drop everything that is cached under the prefix. Sessions stay."`
	Purge        purgeCommand      `cmd:"" help:"Make what carries a tag, or the pages of a URL, miss on all servers."`
	Stats        statsCommand      `cmd:"" help:"Print numbers of caches, stores and sessions."`
	Latency      latencyCommand    `cmd:"" help:"Ask every server for its latency."`
	Keys         keysCommand       `cmd:"" help:"List what is stored."`
	Get          getCommand        `cmd:"" help:"Show one stored thing, decoded."`
	TTL          ttlCommand        `cmd:"" name:"ttl" help:"Print what is left of a lifetime."`
	Explain      explainCommand    `cmd:"" help:"Say what the cache does with a URL, and why."`
	Sessions     sessionsCommand   `cmd:"" help:"List and end sessions."`
	Warm         warmCommand       `cmd:"" help:"Let a running application fill its cache."`
	Proxy        proxyCommand      `cmd:"" help:"Serve the answers of another HTTP server from a cache."`
	Version      versionCommand    `cmd:"" help:"Print the version."`
	Completion   completionCommand `cmd:"" help:"Print the completion script of a shell."`
}

// exitError ends the program with a code. An empty text says that all has been
// said.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

// errFailed ends the command with exit code 1 after it has said why.
var errFailed = &exitError{code: exitFailed}

// configuration is what the environment says, with what is wrong with it: one
// command can say more about that than the others.
type configuration struct {
	echoic.Config
	problem error
}

// usage says what is wrong with the configuration.
func (c configuration) usage(err error) error {
	return &exitError{exitUsage, fmt.Sprintf("the configuration is wrong:\n%v", err)}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// newParser makes the parser of the command line. exit is called for --help.
func newParser(cli *commands, s streams, exit func(int)) (*kong.Kong, error) {
	return kong.New(cli, kong.Name("echoic"), kong.Writers(s.out, s.err), kong.Exit(exit),
		kong.Description("Sets up, checks, inspects and clears caches and sessions. Reads the application's environment variables and its .env file (see .env.example)."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
}

// run is main without the process.
func run(ctx context.Context, args []string, s streams) int {
	var cli commands
	exit := -1
	parser, err := newParser(&cli, s, func(code int) { exit = code })
	if err != nil {
		fmt.Fprintln(s.err, "echoic:", err)
		return exitUsage
	}
	if len(args) > 0 && args[0] == completeWord {
		return complete(parser.Model, args[1:], s)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if err != nil {
		fmt.Fprintln(s.err, "echoic:", printable(err.Error()))
		fmt.Fprintln(s.err, "Run echoic --help for the commands.")
		return exitUsage
	}
	cfg := configuration{}
	cfg.Config, cfg.problem = echoic.ConfigFromEnv()
	cfg.Logger = slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelError}))
	if cfg.problem != nil && needsConfiguration(command) {
		return report(s, cfg.usage(cfg.problem))
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return report(s, command.Run(cfg, cfg.Config, &cli.globals, s))
}

// needsConfiguration reports whether a command can do nothing with one that is
// wrong. The check says more about it; version and completion read none.
func needsConfiguration(command *kong.Context) bool {
	switch command.Selected().Name {
	case "check", "version", "completion":
		return false
	}
	return true
}

// report says what went wrong and returns the exit code.
func report(s streams, err error) int {
	var ending *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &ending):
		if ending.text != "" {
			fmt.Fprintln(s.err, "echoic:", printable(ending.text))
		}
		return ending.code
	}
	fmt.Fprintln(s.err, "echoic:", printable(err.Error()))
	if unreachable(err) {
		return exitConnect
	}
	return exitFailed
}

// unreachable reports whether an error says that something is not there.
func unreachable(err error) bool {
	var open *sqlconn.OpenError
	return errors.Is(err, redisconn.ErrUnavailable) || errors.Is(err, cache.ErrDegraded) || errors.Is(err, admin.ErrUnreachable) || errors.As(err, &open)
}
