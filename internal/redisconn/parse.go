package redisconn

import (
	"net/url"
	"strconv"
	"strings"
)

// The forms that Parse takes, for remedies.
const (
	forms       = "write redis://[[user]:password@]host:port/db, rediss://… for TLS, or unix://[user:password@]/path/to.sock?db=n"
	defaultPort = "6379"
	watchPort   = "26379" // of sentinels
)

// schemes are what may stand before "://".
var schemes = []string{"redis", "rediss", "unix", "valkey", "valkeys"}

// Parse reads the URL of a Redis or Valkey server:
//
//	redis://[[user]:password@]host[:port][/db]      one server
//	rediss://…                                      the same, encrypted; also for the two forms below
//	unix://[[user]:password@]/path/to.sock[?db=n]   one server by its socket
//	redis://s1:26379,s2:26379/mymaster[/db]         Sentinel
//	redis://n1:6379,n2:6379[/db]                    Cluster
//
// valkey:// and valkeys:// are redis:// and rediss://. The port defaults to
// 6379, that of sentinels to 26379; the database to 0. IPv6 addresses stand in
// brackets. One sentinel is written with the database: redis://s1/mymaster/0.
//
// In user, password and socket path, characters that mean something in a URL
// are percent-encoded. The error is a *ParseError that names the part that is
// wrong, and never holds what may be a password.
func Parse(rawurl string) (Target, error) {
	p, err := split(rawurl)
	if err != nil {
		return Target{}, err
	}
	t, err := p.login()
	if err != nil {
		return Target{}, err
	}
	if p.scheme == "unix" {
		return p.socket(t)
	}
	t.tls = p.scheme == "rediss"
	return p.network(t)
}

// pieces are the parts of a URL, not yet decoded.
type pieces struct {
	scheme   string
	userinfo string
	hasUser  bool
	hosts    string // all up to the first slash
	path     string // from there
	query    string
}

// split cuts the URL. It does not use net/url: that quotes what it does not
// understand, password included, and knows one host only.
func split(rawurl string) (pieces, error) {
	var p pieces
	if rawurl == "" {
		return p, &ParseError{Part: "the URL", Problem: "is empty", Remedy: forms}
	}
	for i := range len(rawurl) {
		if c := rawurl[i]; c <= ' ' || c == 0x7f {
			return p, &ParseError{Part: "the URL", Problem: "has a space or a control character", Remedy: "remove it, or percent-encode it (%20) if it belongs to the password"}
		}
	}
	scheme, rest, ok := strings.Cut(rawurl, "://")
	if !ok {
		return p, &ParseError{Part: "the URL", Problem: "has no ://", Remedy: forms}
	}
	switch strings.ToLower(scheme) {
	case "redis", "valkey":
		p.scheme = "redis"
	case "rediss", "valkeys":
		p.scheme = "rediss"
	case "unix":
		p.scheme = "unix"
	default:
		return p, &ParseError{Part: "the scheme", Problem: "is none of redis, rediss and unix", Remedy: forms}
	}
	// What stands before the last @ may be a password, whatever is in it, and
	// so nothing of it is ever looked for beyond.
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		p.userinfo, rest, p.hasUser = rest[:i], rest[i+1:], true
	}
	if strings.IndexByte(rest, '#') >= 0 {
		return p, &ParseError{Part: "the URL", Problem: "has a # after the address", Remedy: "remove it, or percent-encode it (%23) if it belongs to the password"}
	}
	rest, p.query, _ = strings.Cut(rest, "?")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		p.hosts, p.path = rest[:i], rest[i:]
	} else {
		p.hosts = rest
	}
	return p, nil
}

// login returns a target with user and password.
func (p pieces) login() (Target, error) {
	var t Target
	if p.userinfo == "" {
		return t, nil
	}
	if strings.ContainsAny(p.userinfo, "/?#") {
		return t, &ParseError{Part: "the user or password (all before the last @)", Problem: "has a /, ? or # in it",
			Remedy: "percent-encode it (%2F, %3F, %23), and an @ behind the address as %40"}
	}
	user, password, ok := strings.Cut(p.userinfo, ":")
	if !ok {
		return t, &ParseError{Part: "the user information", Problem: "has no colon, so it is unclear whether it is a user or a password",
			Remedy: "write :password@host for the default user, or user:password@host"}
	}
	var valid bool
	if t.user, valid = unescape(user); !valid {
		return t, &ParseError{Part: "the user", Problem: "has a % that is not followed by two hex digits", Remedy: "percent-encode it (%25)"}
	}
	switch {
	case password == "" && user == "": // ":@" is what templates leave of an unset password
		return t, nil
	case password == "":
		return t, &ParseError{Part: "the password", Problem: "is empty, but there is a user", Remedy: "write user:password@host, or host alone"}
	}
	text, valid := unescape(password)
	if !valid {
		return t, &ParseError{Part: "the password", Problem: "has a % that is not followed by two hex digits", Remedy: "percent-encode it (%25)"}
	}
	t.secret = &text
	return t, nil
}

// socket reads what stands behind unix://.
func (p pieces) socket(t Target) (Target, error) {
	if p.hosts != "" || len(p.path) < 2 {
		return Target{}, &ParseError{Part: "the socket", Problem: "is no absolute path", Remedy: "write unix:///path/to.sock, with three slashes, or unix://user:password@/path/to.sock"}
	}
	path, ok := unescape(p.path)
	if !ok || strings.IndexByte(path, 0) >= 0 {
		return Target{}, &ParseError{Part: "the socket path", Problem: "has a % that is not followed by two hex digits, or a NUL", Remedy: "percent-encode a % as %25"}
	}
	t.socket, t.addrs = true, []string{path}
	if p.query == "" {
		return t, nil
	}
	name, value, _ := strings.Cut(p.query, "=")
	if name != "db" {
		return Target{}, &ParseError{Part: "the part after ?", Problem: "is not db=n", Remedy: "write ?db=1 or nothing"}
	}
	var err error
	t.db, err = database(value)
	return t, err
}

// network reads hosts and path of the other schemes.
func (p pieces) network(t Target) (Target, error) {
	if p.query != "" {
		return Target{}, &ParseError{Part: "the part after ?", Problem: "is not known", Remedy: "write the database as /1; timeouts and connections have settings of their own"}
	}
	hosts := strings.Split(p.hosts, ",")
	several := len(hosts) > 1
	first, second, two := strings.Cut(strings.TrimPrefix(p.path, "/"), "/")
	port, number := defaultPort, first
	switch {
	case two && (second == "" || !several && digits(first)):
		return Target{}, &ParseError{Part: "the path (after the address)", Problem: "has a slash too many", Remedy: "write /1 for a database, /mymaster/1 behind the addresses of sentinels"}
	case two, several && first != "" && !digits(first):
		name, ok := unescape(first)
		if !ok || name == "" {
			return Target{}, &ParseError{Part: "the name of the primary", Problem: "is missing or no valid text", Remedy: "write redis://sentinel:26379,sentinel:26379/mymaster/0"}
		}
		t.kind, t.master, port, number = Sentinel, name, watchPort, second
	case several:
		t.kind = Cluster
	}
	for i, host := range hosts {
		addr, err := address(host, port, hostName(i, several))
		if err != nil {
			return Target{}, err
		}
		t.addrs = append(t.addrs, addr)
	}
	var err error
	t.db, err = database(number)
	return t, err
}

func hostName(i int, several bool) string {
	if !several {
		return "the host"
	}
	return "host " + strconv.Itoa(i+1)
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// database reads a database number. The text is not quoted in the error: in
// redis://user:12/secret, where the host was forgotten, it is a password.
func database(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, &ParseError{Part: "the database (after the address)", Problem: "is not a number", Remedy: "write /0, /1, … (redis://host:6379/1, unix:///path/to.sock?db=1), or /mymaster/0 behind the addresses of sentinels"}
	}
	return int(n), nil
}

// unescape decodes %XX.
func unescape(s string) (string, bool) {
	text, err := url.PathUnescape(s)
	return text, err == nil
}
