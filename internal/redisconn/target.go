package redisconn

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Kind is what stands behind a target's addresses.
type Kind uint8

const (
	// Standalone is one server, by TCP, TLS or a unix socket.
	Standalone Kind = iota
	// Sentinel is a primary that the sentinels at the addresses name.
	Sentinel
	// Cluster is a Redis Cluster, of which the addresses are some nodes.
	Cluster
)

// String returns the kind in lower case.
func (k Kind) String() string {
	switch k {
	case Sentinel:
		return "sentinel"
	case Cluster:
		return "cluster"
	default:
		return "standalone"
	}
}

// Target is where Redis is and who we are there, made by [Parse]. However it is
// printed or logged, its password is not shown. It does not change, and is safe
// for concurrent use.
type Target struct {
	kind   Kind
	socket bool     // addrs has the path of one unix socket
	addrs  []string // host:port
	master string   // of a Sentinel target
	user   string
	secret *string // nil without a password; a pointer, so that no %v in a struct around the target shows it
	tls    bool
	db     int
}

// Kind returns what stands behind the addresses.
func (t Target) Kind() Kind { return t.kind }

// Network is "tcp" or "unix".
func (t Target) Network() string {
	if t.socket {
		return "unix"
	}
	return "tcp"
}

// Addrs returns the addresses, host:port each, or the path of the unix socket.
func (t Target) Addrs() []string { return slices.Clone(t.addrs) }

// Addr is the addresses for people, without user and password.
func (t Target) Addr() string {
	addr := strings.Join(t.addrs, ",")
	if t.kind == Sentinel {
		return addr + "/" + t.master
	}
	return addr
}

// Master is the name under which the sentinels know the primary, empty for
// other kinds.
func (t Target) Master() string { return t.master }

// User is the ACL user, empty for the default one.
func (t Target) User() string { return t.user }

// Password returns the password itself, for the client that logs in with it.
func (t Target) Password() string {
	if t.secret == nil {
		return ""
	}
	return *t.secret
}

// HasPassword reports whether there is a password that is not empty.
func (t Target) HasPassword() bool { return t.Password() != "" }

// TLS reports whether the connection is encrypted.
func (t Target) TLS() bool { return t.tls }

// DB is the database number. A Cluster has only database 0; there the number
// is part of the keys, see [Target.KeyPrefix].
func (t Target) DB() int { return t.db }

// KeyPrefix is what keys have to start with to be in the target's database:
// "db1:" for database 1 of a Cluster, which has no databases, and else empty.
func (t Target) KeyPrefix() string {
	if t.kind != Cluster || t.db == 0 {
		return ""
	}
	return "db" + strconv.Itoa(t.db) + ":"
}

// IsZero reports whether the target names no server.
func (t Target) IsZero() bool { return len(t.addrs) == 0 }

// Remote reports whether the way to the server may leave this machine: a unix
// socket, localhost and loopback addresses do not. Names are not looked up, so
// every other name is remote.
func (t Target) Remote() bool {
	if t.socket {
		return false
	}
	return slices.ContainsFunc(t.addrs, func(addr string) bool {
		host, _, err := net.SplitHostPort(addr)
		return err != nil || !loopback(host)
	})
}

func loopback(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// mask stands where a password was.
const mask = "***"

// Masked is the URL with *** for the password.
func (t Target) Masked() string {
	var b strings.Builder
	switch {
	case t.socket:
		b.WriteString("unix://")
	case t.tls:
		b.WriteString("rediss://")
	default:
		b.WriteString("redis://")
	}
	if t.user != "" || t.secret != nil {
		b.WriteString(escape(t.user) + ":")
		if t.secret != nil {
			b.WriteString(mask)
		}
		b.WriteByte('@')
	}
	db := strconv.Itoa(t.db)
	if t.socket {
		for i, part := range strings.Split(strings.Join(t.addrs, ""), "/") {
			if i > 0 {
				b.WriteByte('/')
			}
			b.WriteString(escape(part))
		}
		b.WriteString("?db=" + db)
		return b.String()
	}
	b.WriteString(strings.ReplaceAll(strings.Join(t.addrs, ","), "%", "%25"))
	if t.kind == Sentinel {
		b.WriteString("/" + escape(t.master))
	}
	b.WriteString("/" + db)
	return b.String()
}

// Mask is what can be shown of a URL that may be malformed: what
// [Target.Masked] says if Parse takes it, and else only its scheme, because
// anything behind may be the password.
func Mask(rawurl string) string {
	if t, err := Parse(rawurl); err == nil {
		return t.Masked()
	}
	scheme, _, _ := strings.Cut(rawurl, "://")
	if scheme = strings.ToLower(scheme); slices.Contains(schemes, scheme) {
		return scheme + "://" + mask
	}
	return mask
}

// escape leaves nothing in s that would mean something in a URL.
func escape(s string) string {
	return strings.NewReplacer("@", "%40", ":", "%3A", "&", "%26", "=", "%3D", "+", "%2B", "$", "%24").Replace(url.PathEscape(s))
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
