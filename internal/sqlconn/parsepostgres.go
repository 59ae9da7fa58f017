package sqlconn

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// parsePostgres reads what stands behind "postgres:". It does not use net/url:
// that quotes what it does not understand, password included, and knows one
// host only.
func parsePostgres(rest string) (Target, error) {
	rest, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return Target{}, &ParseError{Part: "the URL", Problem: "has no // behind the scheme", Remedy: forms}
	}
	t := Target{kind: Postgres}
	// What stands before the last @ may be a password, whatever is in it, and
	// so nothing of it is ever looked for beyond.
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		if err := t.login(rest[:i]); err != nil {
			return Target{}, err
		}
		rest = rest[i+1:]
	}
	if strings.IndexByte(rest, '#') >= 0 {
		return Target{}, &ParseError{Part: "the URL", Problem: "has a # after the address", Remedy: "remove it, or percent-encode it (%23) if it belongs to the password"}
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts, database, _ := strings.Cut(rest, "/")
	for _, read := range []func() error{
		func() error { return t.readHosts(hosts) },
		func() error { return t.readDatabase(database) },
		func() error { return t.readParams(query) },
		t.resolve,
	} {
		if err := read(); err != nil {
			return Target{}, err
		}
	}
	return t, nil
}

func (t *Target) login(userinfo string) error {
	if strings.ContainsAny(userinfo, "/?#") {
		return &ParseError{Part: "the user or password (all before the last @)", Problem: "has a /, ? or # in it",
			Remedy: "percent-encode it (%2F, %3F, %23), and an @ behind the address as %40"}
	}
	user, password, _ := strings.Cut(userinfo, ":")
	var ok bool
	if t.user, ok = unescape(user); !ok {
		return &ParseError{Part: "the user", Problem: "has a % that is not followed by two hex digits, or a NUL", Remedy: "percent-encode a % as %25"}
	}
	if password == "" {
		return nil
	}
	text, ok := unescape(password)
	if !ok {
		return &ParseError{Part: "the password", Problem: "has a % that is not followed by two hex digits, or a NUL", Remedy: "percent-encode a % as %25"}
	}
	t.secret = &text
	return nil
}

func (t *Target) readHosts(text string) error {
	if text == "" {
		return nil
	}
	hosts := strings.Split(text, ",")
	for i, host := range hosts {
		part := "the host"
		if len(hosts) > 1 {
			part = "host " + strconv.Itoa(i+1)
		}
		addr, err := address(host, part)
		if err != nil {
			return err
		}
		t.hosts = append(t.hosts, addr)
	}
	return nil
}

func (t *Target) readDatabase(text string) error {
	var ok bool
	t.database, ok = unescape(text)
	switch {
	case text == "":
		return &ParseError{Part: "the database (after the address)", Problem: "is missing", Remedy: "write postgres://user:password@host:port/database"}
	case strings.IndexByte(text, '/') >= 0:
		return &ParseError{Part: "the database (after the address)", Problem: "has a slash in it", Remedy: "write one name, and percent-encode a / that belongs to it (%2F)"}
	case !ok:
		return &ParseError{Part: "the database (after the address)", Problem: "has a % that is not followed by two hex digits, or a NUL", Remedy: "percent-encode a % as %25"}
	}
	return nil
}

// resolve asks pgx what the target means, with the environment.
func (t *Target) resolve() error {
	config, err := pgxpool.ParseConfig(t.conninfo(t.params))
	if err != nil {
		return t.refused(err)
	}
	conn := config.ConnConfig
	t.hasPassword = conn.Password != ""
	t.tls = true
	add := func(host string, port uint16, encrypted bool) {
		network, addr := pgconn.NetworkAddress(host, port)
		if !slices.Contains(t.addrs, addr) {
			t.addrs = append(t.addrs, addr)
		}
		t.tls = t.tls && encrypted
		t.remote = t.remote || network != "unix" && !loopback(host)
	}
	add(conn.Host, conn.Port, conn.TLSConfig != nil)
	for _, f := range conn.Fallbacks {
		add(f.Host, f.Port, f.TLSConfig != nil)
	}
	return nil
}

// refused finds the parameter that pgx does not like. pgx' own words hold the
// whole connection string.
func (t *Target) refused(err error) error {
	for _, p := range t.params {
		if _, err := pgxpool.ParseConfig(t.conninfo([]param{p})); err != nil {
			return &ParseError{Part: "parameter " + p.name, Problem: "is refused" + cause(err), Remedy: "correct or remove it"}
		}
	}
	return &ParseError{Part: "the connection", Problem: "is refused" + cause(err), Remedy: "correct the parameters of the URL and the environment variables that begin with PG"}
}

// cause is what pgx found, without the connection string.
func cause(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		return " (" + inner.Error() + ")"
	}
	return ""
}

// conninfo is the target in libpq's other form, keywords and quoted values, in
// which nothing is ambiguous. It holds the password.
func (t *Target) conninfo(params []param) string {
	var b strings.Builder
	set := func(name, value string) {
		b.WriteString(name + "='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "' ")
	}
	var hosts, ports []string
	for _, addr := range t.hosts {
		host, port := hostPort(addr)
		hosts, ports = append(hosts, host), append(ports, port)
	}
	if len(hosts) > 0 {
		set("host", strings.Join(hosts, ","))
		set("port", strings.Join(ports, ","))
	}
	if t.user != "" {
		set("user", t.user)
	}
	if t.secret != nil {
		set("password", *t.secret)
	}
	set("dbname", t.database)
	for _, p := range params {
		set(p.name, p.value)
	}
	return b.String()
}
