package testenv

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

// Runner is what runs a package's tests: *testing.M, or the result of Wrap.
type Runner interface {
	Run() int
}

// Main runs the tests of m, stops the servers that they used and returns the
// exit code, for os.Exit.
func Main(m Runner) int { return Wrap(m).Run() }

// Wrap returns a Runner that runs the tests of m and then stops the servers
// that they used, for goleak.VerifyTestMain, which looks for goroutines when
// Run has returned. Run returns 1 if all tests passed but stopping failed.
func Wrap(m Runner) Runner { return suite{tests: m} }

type suite struct{ tests Runner }

func (s suite) Run() int {
	code := s.tests.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "testenv: stopping the servers:", err)
		return max(code, 1)
	}
	return code
}

// environment is what the tests of one binary have in common. It is started
// piece by piece, each at its first use; a failed start is remembered, so that
// the other tests fail at once and with the same words.
type environment struct {
	mu        sync.Mutex
	workspace *server.Workspace
	redis     once[*sharedRedis]
	postgres  once[*sharedPostgres]
}

// shared is one per process because the testing package has one TestMain per
// process and nothing else to hang a lifetime on.
var shared = &environment{}

// open returns the workspace, which it makes if need be.
func (e *environment) open() (*server.Workspace, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.workspace == nil {
		workspace, err := server.NewWorkspace()
		if err != nil {
			return nil, err
		}
		e.workspace = workspace
	}
	return e.workspace, nil
}

// close stops all servers, private shared ones and dedicated ones.
func (e *environment) close() error {
	e.mu.Lock()
	workspace := e.workspace
	e.workspace = nil
	e.mu.Unlock()
	var err error
	if redis, ok := e.redis.forget(); ok {
		err = errors.Join(err, redis.pool.Close())
	}
	e.postgres.forget()
	if workspace != nil {
		err = errors.Join(err, workspace.Close())
	}
	return err
}

// once is a value that the first caller of get makes.
type once[T any] struct {
	mu    sync.Mutex
	made  bool
	value T
	err   error
}

func (o *once[T]) get(create func() (T, error)) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.made {
		o.value, o.err = create()
		o.made = true
	}
	return o.value, o.err
}

// forget goes back to the state before the first get and returns the value,
// if there was one.
func (o *once[T]) forget() (T, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	value, ok := o.value, o.made && o.err == nil
	var none T
	o.value, o.made, o.err = none, false, nil
	return value, ok
}

// workspaceOf returns the workspace or ends the test.
func workspaceOf(t testing.TB) *server.Workspace {
	t.Helper()
	workspace, err := shared.open()
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	return workspace
}
