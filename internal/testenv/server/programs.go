package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// The environment variables of internal/testenv with the URLs of existing
// servers. They are named here because the remedy for a missing program is
// either to install it or to set them.
const (
	RedisVariable    = "ECHOIC_TEST_REDIS_URL"
	PostgresVariable = "ECHOIC_TEST_POSTGRES_URL"
	// BrowserVariable is the path of a browser of the Chromium family, or
	// "none" for a machine that cannot have one.
	BrowserVariable = "ECHOIC_TEST_BROWSER"
)

const (
	redisRemedy = "install it (Debian, Ubuntu: apt-get install redis-server; Fedora: dnf install redis; " +
		"macOS: brew install redis) or, for tests, set " + RedisVariable + " to a running server"
	postgresRemedy = "install it (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; " +
		"macOS: brew install postgresql) or, for tests, set " + PostgresVariable + " to a running server " +
		"whose user may create databases"
	browserRemedy = "install it (Debian: apt-get install chromium; Ubuntu, whose package needs snap, and others: Google Chrome from " +
		"https://www.google.com/chrome; macOS: brew install --cask chromium), set " + BrowserVariable + " to the path of one, " +
		"or to none, to go without the tests that need it"
)

// postgresDirs are the places where packages put initdb and postgres without
// adding them to PATH.
var postgresDirs = []string{
	"/usr/lib/postgresql/*/bin",                   // Debian, Ubuntu
	"/usr/pgsql-*/bin",                            // Fedora, RHEL
	"/opt/homebrew/opt/postgresql*/bin",           // macOS, Apple silicon
	"/usr/local/opt/postgresql*/bin",              // macOS, Intel
	"/Library/PostgreSQL/*/bin",                   // macOS, installer
	"/Applications/Postgres.app/Contents/*/*/bin", // macOS, app
}

// redisDirs are places to look in besides PATH, which a desktop's or a cron
// job's environment may have without them.
var redisDirs = []string{"/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"}

// FindRedis returns the path of redis-server or, without one, of
// valkey-server. The error is a *MissingError.
func FindRedis() (string, error) { return findRedis(redisDirs) }

func findRedis(dirs []string) (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
		for _, dir := range dirs {
			if path := filepath.Join(dir, name); executable(path) {
				return path, nil
			}
		}
	}
	return "", &MissingError{Program: "redis-server", Remedy: redisRemedy}
}

// browsers are what those of the Chromium family are called, and where macOS has
// them.
var browsers = []string{
	"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "chrome-headless-shell",
	"/usr/bin/chromium", "/usr/bin/google-chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
}

// FindBrowser returns the path of a browser of the Chromium family: that in
// ECHOIC_TEST_BROWSER, or one that is installed. The error is a *MissingError.
func FindBrowser() (string, error) {
	if path := os.Getenv(BrowserVariable); path != "" {
		if executable(path) {
			return path, nil
		}
		return "", &MissingError{Program: BrowserVariable + "=" + path, Remedy: browserRemedy}
	}
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &MissingError{Program: "chromium", Remedy: browserRemedy}
}

// FindPostgres returns the directory that holds initdb and postgres: the one
// in PATH, else the newest version in the usual places. The error is a
// *MissingError.
func FindPostgres() (string, error) { return findPostgres(postgresDirs) }

func findPostgres(patterns []string) (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		// The two may come from different packages; both must be there.
		if dir, err := filepath.Abs(filepath.Dir(path)); err == nil && executable(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	var found []string
	for _, pattern := range patterns {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("server: looking for Postgres in %s: %w", pattern, err)
		}
		for _, dir := range dirs {
			if executable(filepath.Join(dir, "initdb")) && executable(filepath.Join(dir, "postgres")) {
				found = append(found, dir)
			}
		}
	}
	if len(found) == 0 {
		return "", &MissingError{Program: "PostgreSQL (initdb and postgres)", Remedy: postgresRemedy}
	}
	return slices.MaxFunc(found, func(a, b string) int { return pathVersion(a) - pathVersion(b) }), nil
}

var digits = regexp.MustCompile(`[0-9]+`)

// pathVersion is the last number in path: 15 of /usr/lib/postgresql/15/bin,
// 0 where there is none.
func pathVersion(path string) int {
	all := digits.FindAllString(path, -1)
	if len(all) == 0 {
		return 0
	}
	n, err := strconv.Atoi(all[len(all)-1])
	if err != nil {
		return 0
	}
	return n
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
