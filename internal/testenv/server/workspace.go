package server

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const (
	tempPrefix = "echoic-test-"
	// maxDir is the longest workspace path, in bytes: a unix socket's path
	// has at most 103 on macOS, of which the server's part takes up to 40.
	maxDir = 63
	// ownerFile is locked (flock) by the owner for as long as it lives. It
	// holds the owner's process id for people who look; the lock decides,
	// since ids are reused and mean nothing in another container.
	ownerFile = "owner"
)

// Workspace is a directory in which servers keep their files, and the
// lifetime of these servers. It is safe for concurrent use.
type Workspace struct {
	dir  string
	keep bool
	lock *os.File
	dog  *watchdog

	mu      sync.Mutex
	closed  bool
	count   int
	servers map[*process]bool

	postgresMu       sync.Mutex // held while the cluster is made that servers copy
	postgresPassword string     // its superuser's, empty while there is none
}

// NewWorkspace makes a workspace in a new temporary directory, which Close
// removes. It first cleans up the workspaces of processes that died without
// doing so.
func NewWorkspace() (*Workspace, error) {
	base := tempBase()
	sweep(base)
	// The directory gets its final name when its lock is held, so that no
	// other process sweeps it in between.
	dir, err := os.MkdirTemp(base, "echoic-new-")
	if err != nil {
		return nil, fmt.Errorf("server: temporary directory: %w", err)
	}
	lock, err := lockOwner(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	final := filepath.Join(base, tempPrefix+strings.TrimPrefix(filepath.Base(dir), "echoic-new-"))
	if err := os.Rename(dir, final); err != nil {
		return nil, errors.Join(fmt.Errorf("server: temporary directory: %w", err), lock.Close(), os.RemoveAll(dir))
	}
	return newWorkspace(final, false, lock)
}

// OpenWorkspace makes a workspace in dir, which is created if it does not
// exist and is kept by Close with all data, so that the next OpenWorkspace
// finds it. A directory has one owner at a time, and one server of each kind.
// KeptDir says which directories are fit.
func OpenWorkspace(dir string) (*Workspace, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, fmt.Errorf("server: workspace: %w", err)
	}
	dir, err := realPath(dir)
	if err != nil {
		return nil, fmt.Errorf("server: workspace: %w", err)
	}
	if info, err := os.Lstat(dir); err != nil || !ours(info) {
		return nil, fmt.Errorf("server: %s belongs to another user; remove it or use another directory", dir)
	}
	lock, err := lockOwner(dir)
	if err != nil {
		return nil, err
	}
	return newWorkspace(dir, true, lock)
}

func newWorkspace(dir string, keep bool, lock *os.File) (*Workspace, error) {
	w := &Workspace{dir: dir, keep: keep, lock: lock, servers: map[*process]bool{}}
	// Postgres' own user must be able to pass through, not to look around.
	err := os.Chmod(dir, 0o711)
	if err == nil {
		w.dog, err = startWatchdog(dir, keep)
	}
	if err != nil {
		err = errors.Join(err, lock.Close())
		if !keep {
			err = errors.Join(err, os.RemoveAll(dir))
		}
		return nil, err
	}
	return w, nil
}

// Dir returns the workspace's directory.
func (w *Workspace) Dir() string { return w.dir }

// Close ends every server of the workspace, waits for them, and removes a
// temporary directory. Servers of a kept workspace are shut down in good
// order first. It may be called more than once.
func (w *Workspace) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	servers := make([]*process, 0, len(w.servers))
	for p := range w.servers {
		servers = append(servers, p)
	}
	w.mu.Unlock()

	errs := make([]error, len(servers))
	var group sync.WaitGroup
	for i, p := range servers {
		group.Go(func() {
			if w.keep {
				errs[i] = p.shutdown()
			}
			p.end()
		})
	}
	group.Wait()
	err := errors.Join(errs...)
	if !w.keep {
		err = errors.Join(err, os.RemoveAll(w.dir))
	}
	return errors.Join(err, w.dog.stop(), w.lock.Close())
}

// name makes a name that no other server of the workspace has: kind-n in a
// temporary workspace, kind in a kept one, where it has to be found again.
func (w *Workspace) name(kind string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return "", ErrClosed
	}
	if w.keep {
		return kind, nil
	}
	w.count++
	return kind + "-" + strconv.Itoa(w.count), nil
}

// add makes Close end p. It is called before p's first start.
func (w *Workspace) add(p *process) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.servers[p] = true
	return nil
}

func (w *Workspace) remove(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.servers, p)
}

// tempBase is where temporary workspaces live: os.TempDir, or /tmp where that
// is too long for a unix socket's path or closed to other users.
func tempBase() string {
	// Resolved, since the watchdog compares it with what the kernel says.
	base, err := realPath(os.TempDir())
	if err != nil || len(base)+len(tempPrefix)+12 > maxDir || (os.Geteuid() == 0 && !passable(base)) {
		return "/tmp"
	}
	return base
}

func realPath(dir string) (string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}

// KeptDir returns dir if servers can work in it, and otherwise a directory of
// this user's below /var/tmp that is the same for the same dir. Unfit are
// paths that are too long for a unix socket and, as root, those that
// Postgres, which then runs as somebody else, cannot enter.
func KeptDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("server: workspace: %w", err)
	}
	if len(dir) <= maxDir && (os.Geteuid() != 0 || passable(filepath.Dir(dir))) {
		return dir, nil
	}
	sum := sha256.Sum256([]byte(dir))
	return fmt.Sprintf("/var/tmp/echoic-%d-%x", os.Geteuid(), sum[:6]), nil
}

// ours says whether info is that of a directory of this user's.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.IsDir() && int(stat.Uid) == os.Geteuid()
}

// passable says whether every user may pass through dir and all directories
// above it.
func passable(dir string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	for {
		info, err := os.Stat(dir)
		if err == nil && info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

// lockOwner takes the owner's lock of dir.
func lockOwner(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, ownerFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("server: workspace: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("server: %s is in use by another process; end that one first", dir), file.Close())
	}
	if err := errors.Join(file.Truncate(0), writeString(file, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return nil, errors.Join(fmt.Errorf("server: workspace: %w", err), file.Close())
	}
	return file, nil
}

func writeString(file *os.File, text string) error {
	_, err := file.WriteString(text)
	return err
}

// sweep removes temporary workspaces whose owner has gone and whose watchdog
// did not do its work. What it cannot remove (another user's) it leaves.
func sweep(base string) {
	dirs, err := filepath.Glob(filepath.Join(base, tempPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		if file, ok := abandoned(dir); ok {
			_ = cleanUp(dir)
			_ = file.Close()
		}
	}
}

// abandoned says whether nobody owns dir, and if so returns its lock, held.
func abandoned(dir string) (*os.File, bool) {
	info, err := os.Lstat(dir)
	if err != nil || !ours(info) {
		return nil, false
	}
	file, err := os.OpenFile(filepath.Join(dir, ownerFile), os.O_RDWR, 0)
	if err != nil {
		return nil, false
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, false
	}
	return file, true
}
