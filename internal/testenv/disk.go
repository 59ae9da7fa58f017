package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// SmallDisk mounts a disk of so many bytes ("48m") at dir, until t ends. That needs
// root and Linux; where it is not allowed the test is skipped, see Skipped.
func SmallDisk(t testing.TB, dir, size string) {
	t.Helper()
	if err := mountMemory(dir, size); err != nil {
		refused(t, err, "mounting a small disk needs Linux and root (CAP_SYS_ADMIN)")
	}
	t.Cleanup(func() {
		if err := unmount(dir); err != nil {
			t.Errorf("testenv: unmounting %s: %v", dir, err)
		}
	})
}

// ReadOnly makes files refuse all writes, as those on a disk that the kernel has
// made read-only do: also who has them open cannot write any more. It lasts until
// writable is called, or t ends. That needs root, Linux and a file system with
// attributes; where it is not allowed the test is skipped, see Skipped.
func ReadOnly(t testing.TB, paths ...string) (writable func()) {
	t.Helper()
	var changed []string
	writable = func() {
		t.Helper()
		for _, path := range changed {
			if err := immutable(path, false); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("testenv: %s stays read-only: %v", path, err)
			}
		}
		changed = nil
	}
	t.Cleanup(func() { writable() })
	for _, path := range paths {
		if err := immutable(path, true); err != nil {
			refused(t, err, "making a file read-only needs Linux, root (CAP_LINUX_IMMUTABLE) and a file system with attributes, such as ext4")
		}
		changed = append(changed, path)
	}
	return writable
}

// Skipped is the environment variable with the name of a file to which skipped
// tests add a line with their reasons: go test prints none.
const Skipped = "ECHOIC_TEST_SKIPPED"

// refused ends a test that the machine does not allow: what cannot be had by
// installing something is skipped, and everything else fails.
func refused(t testing.TB, err error, needs string) {
	t.Helper()
	if !isRefusal(err) {
		t.Fatalf("testenv: %s: %v", needs, err)
		return
	}
	Skip(t, fmt.Sprintf("%s: %v", needs, err))
}

// Skip skips a test for something that the machine has not, and has it listed: see
// Skipped.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if file := os.Getenv(Skipped); file != "" {
		if err := appendLine(file, t.Name()+": "+reason); err != nil {
			t.Fatalf("testenv: %s: %v", Skipped, err)
		}
	}
	t.Skipf("testenv: %s", reason)
}

func isRefusal(err error) bool {
	return errors.Is(err, os.ErrPermission) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOTTY)
}

func appendLine(name, line string) error {
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(line + "\n")
	return errors.Join(err, file.Close())
}

// databaseDisk is the size of the disk of a SmallDatabase, in mount's words.
const databaseDisk = "48m"

// SmallDatabase is Database, with its tables on a small disk of their own: see
// SmallDisk and FillDisk. Only on a server of NewPostgres.
func (s *PostgresServer) SmallDatabase(t testing.TB) string {
	t.Helper()
	if s.private == nil {
		t.Fatal("testenv: a small database needs a server of its own: use NewPostgres")
	}
	text := s.Database(t)
	name := text[strings.LastIndexByte(text, '/')+1:]
	name, _, _ = strings.Cut(name, "?")
	dir := filepath.Clean(s.Dir) + "-disk-" + strings.ToLower(rand.Text())
	info, err := os.Stat(s.Dir)
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatalf("testenv: %v", err)
	}
	SmallDisk(t, dir, databaseDisk)
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatalf("testenv: %v", err)
		}
	}
	space := "disk_of_" + name
	for _, statement := range []string{fmt.Sprintf("CREATE TABLESPACE %s LOCATION '%s'", space, dir), fmt.Sprintf("ALTER DATABASE %s SET TABLESPACE %s", name, space)} {
		if err := s.admin(statement); err != nil {
			t.Fatalf("testenv: %v", err)
		}
	}
	return text
}

// diskFull is Postgres' code for it.
const diskFull = "53100"

// fillTime bounds FillDisk.
const fillTime = 90 * time.Second

// FillDisk writes into a database, that of SmallDatabase, until its disk is full.
// free makes room again.
func FillDisk(t testing.TB, database string) (free func()) {
	t.Helper()
	do := func(statement string, args ...any) error {
		ctx, cancel := context.WithTimeout(context.Background(), fillTime)
		defer cancel()
		conn, err := pgx.Connect(ctx, database)
		if err != nil {
			t.Fatalf("testenv: %v", err)
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, statement, args...)
		return err
	}
	// Text that all looks the same would take no room.
	err := do("CREATE TABLE IF NOT EXISTS testenv_filler (data text); ALTER TABLE testenv_filler ALTER COLUMN data SET STORAGE PLAIN")
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	// Ever smaller pieces, so that nothing is left.
	for _, rows := range []int{512, 32, 1} {
		for err == nil {
			err = do("INSERT INTO testenv_filler SELECT repeat('x', 8000) FROM generate_series(1, $1::int)", rows)
		}
		if full, ok := errors.AsType[*pgconn.PgError](err); !ok || full.Code != diskFull {
			t.Fatalf("testenv: filling the disk ended with %v", err)
		}
		err = nil
	}
	return func() {
		if err := do("DROP TABLE IF EXISTS testenv_filler"); err != nil {
			t.Errorf("testenv: %v", err)
		}
	}
}
