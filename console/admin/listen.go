package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// listen opens the address. remove takes a socket's file away.
func listen(ctx context.Context, address string) (net.Listener, func() error, error) {
	var cfg net.ListenConfig
	if !isPath(address) {
		l, err := cfg.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, nil, fmt.Errorf("admin: cannot listen on %s: %w", address, err)
		}
		return l, func() error { return nil }, nil
	}
	if err := clearStale(ctx, address); err != nil {
		return nil, nil, err
	}
	// It is made where nobody else gets to, and shows itself with its mode set.
	dir, err := os.MkdirTemp(filepath.Dir(address), ".a")
	if err != nil {
		return nil, nil, fmt.Errorf("admin: cannot make the socket %s: %w", address, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	hidden := filepath.Join(dir, "s")
	l, err := cfg.Listen(ctx, "unix", hidden)
	if err != nil {
		return nil, nil, fmt.Errorf("admin: cannot make the socket %s (paths of sockets have about 100 bytes at most): %w", address, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err = errors.Join(os.Chmod(hidden, 0o600), os.Rename(hidden, address)); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("admin: cannot make the socket %s: %w", address, err), l.Close())
	}
	own, err := os.Lstat(address)
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	return l, func() error { return removeOwn(address, own) }, nil
}

// removeOwn leaves what another process has put there meanwhile.
func removeOwn(path string, own fs.FileInfo) error {
	now, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, own) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(path)
}

// clearStale removes a socket that nobody listens on any more.
func clearStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("admin: the socket %s: %w", path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("admin: %s is there and is no socket: name another path", path)
	}
	dialer := net.Dialer{Timeout: time.Second}
	if conn, err := dialer.DialContext(ctx, "unix", path); err == nil {
		_ = conn.Close()
		return fmt.Errorf("admin: another process listens on %s: end it, or name another path", path)
	}
	return os.Remove(path)
}
