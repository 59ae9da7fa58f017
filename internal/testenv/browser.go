package testenv

import (
	"os"
	"testing"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

// BrowserVariable is the environment variable with the path of a browser of the
// Chromium family, or "none" for a machine that cannot have one.
const BrowserVariable = server.BrowserVariable

// Browser returns the path of a browser. Without one it fails t, as a missing server
// does; only ECHOIC_TEST_BROWSER=none skips, and says so.
func Browser(t testing.TB) string {
	t.Helper()
	if os.Getenv(BrowserVariable) == "none" {
		t.Skip("testenv: not run, because " + BrowserVariable + " is none")
	}
	path, err := server.FindBrowser()
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	return path
}
