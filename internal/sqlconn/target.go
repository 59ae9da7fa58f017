package sqlconn

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
)

// Kind is the database system.
type Kind uint8

const (
	// Postgres is a PostgreSQL server, or several of which one is primary.
	Postgres Kind = iota + 1
	// SQLite is a file, or memory of this process.
	SQLite
)

// String returns the kind in lower case.
func (k Kind) String() string {
	switch k {
	case Postgres:
		return "postgres"
	case SQLite:
		return "sqlite"
	default:
		return "unknown"
	}
}

// Target is where a database is and who we are there, made by [Parse]. However
// it is printed or logged, its password is not shown. It does not change, and
// is safe for concurrent use.
type Target struct {
	kind Kind

	// Postgres: what the URL said, and what pgx made of it with the libpq
	// environment variables and the password file.
	hosts       []string // host:port; none means by socket, or libpq's default
	user        string
	secret      *string // of the URL, nil without one; a pointer, so that no %v in a struct around the target shows it
	database    string
	params      []param
	addrs       []string // host:port, or the path of a socket
	remote      bool
	tls         bool
	hasPassword bool

	// SQLite.
	path   string
	memory bool
}

// Kind returns which system the target is in. It is zero for a zero Target.
func (t Target) Kind() Kind { return t.kind }

// IsZero reports whether the target names no database.
func (t Target) IsZero() bool { return t.kind == 0 }

// Memory reports whether the target is sqlite::memory:, which is gone when it
// is closed.
func (t Target) Memory() bool { return t.memory }

// Addr is where the database is, for people: host:port, separated by commas if
// there are several, the path of a unix socket, or the path of the SQLite file.
func (t Target) Addr() string {
	switch {
	case t.memory:
		return ":memory:"
	case t.kind == SQLite:
		return t.path
	}
	return strings.Join(t.addrs, ",")
}

// Remote reports whether the way to the database may leave this machine: files,
// unix sockets, localhost and loopback addresses do not. Names are not looked
// up, so every other name is remote.
func (t Target) Remote() bool { return t.remote }

// HasPassword reports whether there is a password that is not empty: in the
// URL, or else where libpq looks for one (PGPASSWORD, the password file).
func (t Target) HasPassword() bool { return t.hasPassword }

// TLS reports whether every connection is encrypted. It is false for the
// sslmodes allow and prefer (the default), which also take a connection in the
// clear.
func (t Target) TLS() bool { return t.tls }

// mask stands where a password was.
const mask = "***"

// Masked is the URL with *** for passwords.
func (t Target) Masked() string {
	switch {
	case t.kind == 0:
		return ""
	case t.memory:
		return "sqlite::memory:"
	case t.kind == SQLite && strings.HasPrefix(t.path, "/"):
		return "sqlite://" + escapePath(t.path)
	case t.kind == SQLite:
		return "sqlite:" + escapePath(t.path)
	}
	var b strings.Builder
	b.WriteString("postgres://")
	if t.user != "" || t.secret != nil {
		b.WriteString(escape(t.user))
		if t.secret != nil {
			b.WriteString(":" + mask)
		}
		b.WriteByte('@')
	}
	b.WriteString(strings.ReplaceAll(strings.Join(t.hosts, ","), "%", "%25"))
	b.WriteString("/" + escape(t.database))
	for i, p := range t.params {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(p.name + "=")
		if p.name == "sslpassword" {
			b.WriteString(mask)
		} else {
			b.WriteString(url.QueryEscape(p.value))
		}
	}
	return b.String()
}

// Mask is what can be shown of a URL that may be malformed: what
// [Target.Masked] says if Parse takes it, and else only its scheme, because
// anything behind may be the password.
func Mask(rawurl string) string {
	if t, err := Parse(rawurl); err == nil {
		return t.Masked()
	}
	scheme, _, _ := strings.Cut(rawurl, ":")
	switch scheme = strings.ToLower(scheme); scheme {
	case "postgres", "postgresql", "sqlite":
		return scheme + ":" + mask
	}
	return mask
}

// escape leaves nothing in s that would mean something in a URL.
func escape(s string) string {
	return strings.NewReplacer("@", "%40", ":", "%3A", "&", "%26", "=", "%3D", "+", "%2B", "$", "%24").Replace(url.PathEscape(s))
}

// escapePath is escape that leaves slashes, and colons behind the first byte,
// as they are.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = escape(parts[i])
	}
	return strings.Join(parts, "/")
}

// String returns what Masked does.
func (t Target) String() string { return t.Masked() }

// GoString returns what Masked does, in quotes.
func (t Target) GoString() string { return strconv.Quote(t.Masked()) }

// Format makes every verb show what Masked does, also those that would
// otherwise print the fields.
func (t Target) Format(f fmt.State, verb rune) {
	text := t.Masked()
	if verb == 'q' || (verb == 'v' && f.Flag('#')) {
		text = strconv.Quote(text)
	}
	// The writer is fmt's own buffer, which does not fail.
	_, _ = io.WriteString(f, text)
}

// LogValue makes slog show what Masked does.
func (t Target) LogValue() slog.Value { return slog.StringValue(t.Masked()) }
