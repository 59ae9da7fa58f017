package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/faultproxy"
)

// App is one app of a [World], through all its lives. Its methods may be called
// from any goroutine.
type App struct {
	Name string
	// Redis and Postgres are the proxies before what the app stands on. Redis
	// is nil where the world's Redis is more than one server.
	Redis, Postgres *faultproxy.Proxy

	t    testing.TB
	set  settings
	logs *logTail

	// resting takes the app out of the load's choice, as a balancer does.
	resting atomic.Bool

	mu   sync.Mutex
	life *life // nil while it does not run
	born int   // number of lives so far
}

// life is one process.
type life struct {
	id    string // name and number
	url   string
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
	// drained is set when the process was asked to end in good order.
	drained atomic.Bool
}

// startTimeout is how long a process may take to serve, on a busy machine.
const startTimeout = 60 * time.Second

// Start starts the app's process and returns when it serves.
func (a *App) Start() {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.life != nil {
		a.t.Fatalf("chaos: app %s runs already", a.Name)
	}
	born, err := a.launch()
	if err != nil {
		a.t.Fatalf("chaos: app %s: %v\n%s", a.Name, err, a.logs)
	}
	a.life = born
}

func (a *App) launch() (*life, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(a.set)
	if err != nil {
		return nil, err
	}
	a.born++
	l := &life{id: fmt.Sprintf("%s%d", a.Name, a.born), cmd: exec.Command(program), ended: make(chan struct{})}
	l.cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	l.cmd.Stderr = a.logs
	// A group of its own: an interrupt from the terminal is for the test. With
	// the test dies the pipe, and with that the app.
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if l.stdin, err = l.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := l.cmd.Start(); err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	go func() {
		defer close(l.ended)
		lines := bufio.NewReader(out)
		line, _ := lines.ReadString('\n')
		address <- strings.TrimSpace(line)
		_, _ = io.Copy(a.logs, lines)
		// How it ended does not matter: most are killed on purpose.
		_ = l.cmd.Wait()
	}()
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case addr := <-address:
		if addr != "" {
			l.url = "http://" + addr
			return l, nil
		}
		<-l.ended
		return nil, fmt.Errorf("it ended before it served")
	case <-timeout.C:
		_ = l.cmd.Process.Kill()
		<-l.ended
		return nil, fmt.Errorf("it does not serve within %v", startTimeout)
	}
}

// URL is where the running app serves.
func (a *App) URL() string { return a.running().url }

// running returns the app's life, nil if it has none.
func (a *App) running() *life {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.life
}

// Kill ends the app's process with SIGKILL and waits for it.
func (a *App) Kill() { a.end(func(l *life) { _ = l.cmd.Process.Kill() }) }

// Rest has the load choose other apps, and Resume this one again. What is under
// way goes on.
func (a *App) Rest()   { a.resting.Store(true) }
func (a *App) Resume() { a.resting.Store(false) }

// Terminate ends the app's process with SIGTERM and waits for it. What was under
// way has to be answered: it does not count as gone.
func (a *App) Terminate() {
	a.end(func(l *life) {
		l.drained.Store(true)
		_ = l.cmd.Process.Signal(syscall.SIGTERM)
	})
}

// Died waits for the end of a process that kills itself.
func (a *App) Died() { a.end(func(*life) {}) }

// Close ends the app's process in good order. A stopped one is continued.
func (a *App) Close() {
	a.end(func(l *life) {
		_ = l.cmd.Process.Signal(syscall.SIGCONT)
		_ = l.stdin.Close()
	})
}

// end takes the app out of use, has it end, and waits.
func (a *App) end(how func(*life)) {
	a.mu.Lock()
	l := a.life
	a.life = nil
	a.mu.Unlock()
	if l == nil {
		return
	}
	how(l)
	timeout := time.NewTimer(2 * drainTimeout)
	defer timeout.Stop()
	select {
	case <-l.ended:
	case <-timeout.C:
		_ = l.cmd.Process.Kill()
		<-l.ended
		a.t.Errorf("chaos: app %s did not end within %v\n%s", a.Name, 2*drainTimeout, a.logs)
	}
	_ = l.stdin.Close()
}

// Stats asks the app. query may ask for more: "probe=1", "spent=1".
func (a *App) Stats(query string) (Stats, error) {
	l := a.running()
	if l == nil {
		return Stats{}, fmt.Errorf("chaos: app %s does not run", a.Name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*probeTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+"/stats?"+query, nil)
	if err != nil {
		return Stats{}, err
	}
	// A connection of its own, so that the app's goroutines are the same
	// before and after.
	r.Close = true
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return Stats{}, err
	}
	defer res.Body.Close()
	var answer Stats
	return answer, json.NewDecoder(res.Body).Decode(&answer)
}

// logTail keeps the last part of what an app prints.
type logTail struct {
	mu   sync.Mutex
	text []byte
}

const logBytes = 64 << 10

// Write implements io.Writer. It never fails.
func (l *logTail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	if extra := len(l.text) - logBytes; extra > 0 {
		l.text = append(l.text[:0], l.text[extra:]...)
	}
	return len(b), nil
}

// String returns what was kept.
func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
