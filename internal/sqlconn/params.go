package sqlconn

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// param is one setting behind the question mark.
type param struct{ name, value string }

// known are the parameters that may stand behind the question mark. pgx would
// hand any other to the server as a setting of the session: sslmod=require, a
// letter short, would then be sent in the clear.
var known = []string{
	"application_name", "channel_binding", "client_encoding", "connect_timeout", "datestyle",
	"default_query_exec_mode", "default_transaction_isolation", "description_cache_capacity", "host",
	"idle_in_transaction_session_timeout", "krbspn", "krbsrvname", "lock_timeout", "max_protocol_version",
	"min_protocol_version", "options", "passfile", "pool_health_check_period", "pool_max_conn_idle_time",
	"pool_max_conn_lifetime", "pool_max_conn_lifetime_jitter", "pool_max_conns", "pool_min_conns",
	"pool_min_idle_conns", "pool_ping_timeout", "port", "require_auth", "search_path", "sslcert",
	"sslcertmode", "sslkey", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni",
	"statement_cache_capacity", "statement_timeout", "target_session_attrs", "timezone",
}

var sslmodes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

func (t *Target) readParams(query string) error {
	if query == "" {
		return nil
	}
	for text := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(text, "=")
		name = strings.ToLower(name)
		if !slices.Contains(known, name) {
			return &ParseError{Part: unknown(name), Problem: "is not known", Remedy: "remove it, or write one of " + strings.Join(known, ", ")}
		}
		part := "parameter " + name
		decoded, err := url.QueryUnescape(value)
		switch {
		case !ok || value == "":
			return &ParseError{Part: part, Problem: "has no value", Remedy: "write " + name + "=value or remove it"}
		case err != nil || strings.IndexByte(decoded, 0) >= 0:
			return &ParseError{Part: part, Problem: "has a % that is not followed by two hex digits, or a NUL", Remedy: "percent-encode a % as %25"}
		case slices.ContainsFunc(t.params, func(p param) bool { return p.name == name }):
			return &ParseError{Part: part, Problem: "is there twice", Remedy: "remove one"}
		}
		if err := t.checkParam(part, name, decoded); err != nil {
			return err
		}
		t.params = append(t.params, param{name, decoded})
	}
	return nil
}

// checkParam explains what pgx would refuse with fewer words.
func (t *Target) checkParam(part, name, value string) error {
	switch {
	case name == "sslmode" && !slices.Contains(sslmodes, value):
		return &ParseError{Part: part, Problem: "has a value that does not exist", Remedy: "write one of " + strings.Join(sslmodes, ", ")}
	case name == "host" && len(t.hosts) > 0:
		return &ParseError{Part: part, Problem: "is there although the URL has a host", Remedy: "write the host in one of the two places"}
	case name == "host" && !path.IsAbs(value):
		return &ParseError{Part: part, Problem: "is not the directory of a unix socket", Remedy: "write host names in front of the database: postgres://host:port/database"}
	case name == "port" && len(t.hosts) > 0:
		return &ParseError{Part: part, Problem: "is there although the URL has a host", Remedy: "write postgres://host:port/database"}
	}
	return nil
}

// unknown names a parameter, if it looks like the name of one.
func unknown(name string) string {
	if name == "" || len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "a parameter (after the question mark)"
	}
	return "parameter " + name
}
