package sqlconn

import (
	"net/url"
	"strings"
)

// forms are what Parse takes, for remedies.
const forms = "write postgres://user:password@host:port/database?sslmode=…, sqlite:///absolute/path.db, sqlite:relative/path.db or sqlite::memory:"

// Parse reads the URL of a database:
//
//	postgres://[user[:password]@][host[:port]][,host[:port]…]/database[?sslmode=…&…]
//	postgres://[user[:password]@]/database?host=/directory/of/socket
//	sqlite:///absolute/path.db
//	sqlite:relative/path.db
//	sqlite::memory:
//
// postgresql:// is postgres://. The port defaults to 5432. IPv6 addresses stand
// in brackets. Several hosts are tried in turn, as libpq does. Behind the
// question mark stand libpq's parameters (sslmode, sslrootcert,
// target_session_attrs, application_name, options, …) and those of pgx
// (default_query_exec_mode, pool_max_conns, …). What the URL does not say comes
// from libpq's environment variables and password file.
//
// In user, password, database and path, characters that mean something in a URL
// are percent-encoded. Each sqlite::memory: that is opened is a database of its
// own, for tests.
//
// The error is a *ParseError that names the part that is wrong, and never holds
// what may be a password.
func Parse(rawurl string) (Target, error) {
	if rawurl == "" {
		return Target{}, &ParseError{Part: "the URL", Problem: "is empty", Remedy: forms}
	}
	for i := range len(rawurl) {
		if c := rawurl[i]; c <= ' ' || c == 0x7f {
			return Target{}, &ParseError{Part: "the URL", Problem: "has a space or a control character", Remedy: "remove it, or percent-encode it (%20)"}
		}
	}
	scheme, rest, ok := strings.Cut(rawurl, ":")
	if !ok {
		return Target{}, &ParseError{Part: "the URL", Problem: "has no scheme", Remedy: forms}
	}
	switch strings.ToLower(scheme) {
	case "postgres", "postgresql":
		return parsePostgres(rest)
	case "sqlite":
		return parseSQLite(rest)
	}
	return Target{}, &ParseError{Part: "the scheme", Problem: "is none of postgres, postgresql and sqlite", Remedy: forms}
}

// parseSQLite reads what stands behind "sqlite:".
func parseSQLite(rest string) (Target, error) {
	if rest == ":memory:" {
		return Target{kind: SQLite, memory: true}, nil
	}
	if strings.ContainsAny(rest, "?#") {
		return Target{}, &ParseError{Part: "the path of the SQLite file", Problem: "has a ? or #, and parameters are not known", Remedy: "remove it, or percent-encode it (%3F, %23) if it belongs to the path"}
	}
	text := rest
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		if !strings.HasPrefix(after, "/") {
			return Target{}, &ParseError{Part: "the path of the SQLite file", Problem: "stands behind two slashes, where a host would be", Remedy: "write sqlite:///absolute/path.db with three slashes, sqlite:relative/path.db with none, or sqlite::memory:"}
		}
		text = after
	}
	path, ok := unescape(text)
	switch {
	case !ok:
		return Target{}, &ParseError{Part: "the path of the SQLite file", Problem: "has a % that is not followed by two hex digits, or a NUL", Remedy: "percent-encode a % as %25"}
	case path == "":
		return Target{}, &ParseError{Part: "the path of the SQLite file", Problem: "is missing", Remedy: "write sqlite:///absolute/path.db or sqlite:relative/path.db"}
	case strings.HasSuffix(path, "/"):
		return Target{}, &ParseError{Part: "the path of the SQLite file", Problem: "ends in a slash", Remedy: "name a file in that directory"}
	}
	return Target{kind: SQLite, path: path}, nil
}

// unescape decodes %XX; a NUL, which no part of a URL can hold, is refused.
func unescape(s string) (string, bool) {
	text, err := url.PathUnescape(s)
	return text, err == nil && strings.IndexByte(text, 0) < 0
}
