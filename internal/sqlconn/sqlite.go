package sqlconn

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// busyTimeout is how long a statement waits for the lock of another
	// connection, if its context allows it.
	busyTimeout = 5 * time.Second
	// mostSQLiteConns bounds one handle. Readers run side by side; more
	// writers than one only wait for each other.
	mostSQLiteConns = 8
)

// settings of every connection. With a plain name three of four concurrent
// commits fail at once with "database is locked", and a transaction that reads
// before it writes cannot be helped by waiting: hence the immediate ones. With
// a write-ahead log readers and the writer do not wait for each other, and
// synchronous NORMAL loses nothing when the process dies, only, without
// corruption, the last transactions when the machine does. Foreign keys are
// checked as Postgres checks them.
var settings = "_busy_timeout=" + fmt.Sprint(busyTimeout.Milliseconds()) +
	"&_journal_mode=WAL&_synchronous=NORMAL&_txlock=immediate&_foreign_keys=on"

// OpenSQLite opens a SQLite database for any number of concurrent users, in
// this and other processes. It makes the file, for this user only (0600), and
// its directory (0700) if they are not there, and sees to it that it can be
// written. An *OpenError names the file and says what to do. The caller closes
// the database.
//
// A target in memory is a new, empty database for each call, shared by the
// connections of the handle and gone when it is closed.
func OpenSQLite(ctx context.Context, target Target) (*sql.DB, error) {
	if target.kind != SQLite {
		return nil, fmt.Errorf("sqlconn: %q is no SQLite database: open it with OpenPostgres", target)
	}
	connector, err := connect(ctx, target)
	if err != nil {
		return nil, &OpenError{Target: target.Masked(), Remedy: sqliteRemedy(target, err), Err: err}
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(mostSQLiteConns)
	db.SetMaxIdleConns(mostSQLiteConns)
	if err := patiently(ctx, func() error { return writable(ctx, db) }); err != nil {
		_ = db.Close()
		return nil, &OpenError{Target: target.Masked(), Remedy: sqliteRemedy(target, err), Err: err}
	}
	return db, nil
}

func connect(ctx context.Context, target Target) (driver.Connector, error) {
	if target.memory {
		// The name is that of a file in SQLite's memory file system.
		return newMemory(ctx, "file:/"+rand.Text()+"?vfs=memdb&"+settings)
	}
	path, err := filepath.Abs(target.path)
	if err != nil {
		return nil, err
	}
	if err := provide(path); err != nil {
		return nil, err
	}
	// SQLite decodes the path of a file: URL.
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: settings}
	return sqlite.NewConnector(name.String())
}

// provide makes file and directory where they are missing.
func provide(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return &os.PathError{Op: "open", Path: path, Err: errors.New("is a directory")}
	case err == nil:
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	// SQLite would make a file that the umask lets others read. The empty file
	// is made aside and then linked, because closing any descriptor of the
	// database gives up the locks that this process holds on it, if another
	// goroutine has opened it meanwhile.
	file, err := os.CreateTemp(filepath.Dir(path), ".echoic-*.db") // has mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err == nil || errors.Is(err, os.ErrExist) {
		return nil
	}
	// A file system without links.
	file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = file.Close()
	}
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// writable takes the write lock for a moment.
func writable(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	return tx.Rollback()
}

// patiently repeats what meets a lock for as long as other calls wait for one.
// The change to a write-ahead log does not wait by itself: of several processes
// that open a new file at once all but one would fail.
func patiently(ctx context.Context, do func() error) error {
	const pause = 20 * time.Millisecond
	deadline := time.Now().Add(busyTimeout)
	for {
		err := do()
		if sqliteCode(err) != sqlite3.SQLITE_BUSY || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

// sqliteCode is the primary result code of an error, 0 if it has none.
func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

func sqliteRemedy(target Target, err error) string {
	path, absErr := filepath.Abs(target.path)
	if absErr != nil {
		path = target.path
	}
	dir := filepath.Dir(path)
	switch code := sqliteCode(err); {
	case code == sqlite3.SQLITE_NOTADB, code == sqlite3.SQLITE_CORRUPT:
		return "this is no SQLite database: name another file, or move this one away"
	case code == sqlite3.SQLITE_BUSY:
		return "another process has locked the file: end it"
	case code == sqlite3.SQLITE_FULL, strings.Contains(err.Error(), "no space left"):
		return "free some space on the disk"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "allow more time"
	case strings.Contains(err.Error(), "is a directory"):
		return "name a file in that directory"
	}
	return fmt.Sprintf("let this user (%d) write to the directory %s and to the file, or name a file elsewhere", os.Getuid(), dir)
}
