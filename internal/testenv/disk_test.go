package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// recorder is a test that ends without ending this one.
type recorder struct {
	testing.TB
	end string
}

func (r *recorder) Helper()                        {}
func (r *recorder) Name() string                   { return "TestOfSomebody" }
func (r *recorder) Fatalf(format string, a ...any) { r.end = "fails: " + fmt.Sprintf(format, a...) }
func (r *recorder) Skipf(format string, a ...any)  { r.end = "is skipped: " + fmt.Sprintf(format, a...) }

// What the machine does not allow is skipped and listed; what went wrong fails.
func TestRefused(t *testing.T) {
	list := filepath.Join(t.TempDir(), "skipped")
	t.Setenv(Skipped, list)
	for _, row := range []struct {
		err  error
		want string
	}{
		{syscall.EPERM, "is skipped: testenv: it needs root: operation not permitted"},
		{&os.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, "is skipped: "},
		{errors.ErrUnsupported, "is skipped: "},
		{syscall.EOPNOTSUPP, "is skipped: "},
		{syscall.ENOTTY, "is skipped: "},
		{syscall.ENOSPC, "fails: "},
		{os.ErrNotExist, "fails: "},
	} {
		r := &recorder{TB: t}
		if refused(r, row.err, "it needs root"); !strings.HasPrefix(r.end, row.want) {
			t.Errorf("%v: the test %q, want %q", row.err, r.end, row.want)
		}
	}
	text, err := os.ReadFile(list)
	if err != nil || strings.Count(string(text), "TestOfSomebody: it needs root: ") < 5 {
		t.Errorf("the list is %q, %v", text, err)
	}
}
