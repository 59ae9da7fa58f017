package server

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is a start or restart after the workspace was closed.
	ErrClosed = errors.New("server: workspace closed")
	// ErrNotRunning is a signal for a server that has ended.
	ErrNotRunning = errors.New("server: not running")
)

// MissingError says which program was not found and how to get it.
type MissingError struct {
	Program string // what was looked for, for example "redis-server"
	Remedy  string // what to do about it, one sentence without a full stop
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("server: %s was not found in PATH or in the usual places; %s", e.Program, e.Remedy)
}

// StartError is a server that ended, or did not get ready, while it was being
// started.
type StartError struct {
	Server string // the server's name in its workspace, for example "redis-1"
	Err    error  // why the start was given up
	Log    string // the last lines of the server's log
}

func (e *StartError) Error() string {
	return fmt.Sprintf("server: %s did not start: %v; the end of its log:\n%s", e.Server, e.Err, e.Log)
}

func (e *StartError) Unwrap() error { return e.Err }
