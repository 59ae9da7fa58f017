package sqlconn_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/internal/sqlconn"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, url    string
		kind         sqlconn.Kind
		masked, addr string
		remote       bool
		password     bool
		tls          bool
	}{
		{"full", "postgres://quotes:s3cret@db.example:5433/app?sslmode=require", sqlconn.Postgres,
			"postgres://quotes:***@db.example:5433/app?sslmode=require", "db.example:5433", true, true, true},
		{"long scheme, port by default", "PostgreSQL://quotes:s3cret@localhost/app", sqlconn.Postgres,
			"postgres://quotes:***@localhost:5432/app", "localhost:5432", false, true, false},
		{"without password", "postgres://quotes@127.0.0.1/app", sqlconn.Postgres,
			"postgres://quotes@127.0.0.1:5432/app", "127.0.0.1:5432", false, false, false},
		{"empty password", "postgres://quotes:@127.0.0.1/app", sqlconn.Postgres,
			"postgres://quotes@127.0.0.1:5432/app", "127.0.0.1:5432", false, false, false},
		{"IPv6", "postgres://u:p@[::1]:1/app", sqlconn.Postgres, "postgres://u:***@[::1]:1/app", "[::1]:1", false, true, false},
		{"escapes", "postgres://us%40er:p%2F%3A%40%27%5C@db/a%2Fb%20c?application_name=a%26b", sqlconn.Postgres,
			"postgres://us%40er:***@db:5432/a%2Fb%20c?application_name=a%26b", "db:5432", true, true, false},
		{"password with an @", "postgres://u:p@ss@db/app", sqlconn.Postgres, "postgres://u:***@db:5432/app", "db:5432", true, true, false},
		{"several hosts", "postgres://u:p@localhost,db2:6/app?target_session_attrs=read-write", sqlconn.Postgres,
			"postgres://u:***@localhost:5432,db2:6/app?target_session_attrs=read-write", "localhost:5432,db2:6", true, true, false},
		{"unix socket", "postgres://u:p@/app?host=/run/postgresql", sqlconn.Postgres,
			"postgres://u:***@/app?host=%2Frun%2Fpostgresql", "/run/postgresql/.s.PGSQL.5432", false, true, false},
		{"TLS that may be refused", "postgres://u:p@db/app?sslmode=prefer", sqlconn.Postgres,
			"postgres://u:***@db:5432/app?sslmode=prefer", "db:5432", true, true, false},
		{"TLS with a checked name", "postgres://u:p@db/app?sslmode=verify-full", sqlconn.Postgres,
			"postgres://u:***@db:5432/app?sslmode=verify-full", "db:5432", true, true, true},
		{"password of the key", "postgres://u:p@db/app?sslpassword=s3cret", sqlconn.Postgres,
			"postgres://u:***@db:5432/app?sslpassword=***", "db:5432", true, true, false},
		{"absolute path", "sqlite:///var/lib/app.db", sqlconn.SQLite, "sqlite:///var/lib/app.db", "/var/lib/app.db", false, false, false},
		{"absolute path, one slash", "sqlite:/var/lib/app.db", sqlconn.SQLite, "sqlite:///var/lib/app.db", "/var/lib/app.db", false, false, false},
		{"relative path", "SQLite:var/app.db", sqlconn.SQLite, "sqlite:var/app.db", "var/app.db", false, false, false},
		{"escaped path", "sqlite:a%20b%3Fc%25.db", sqlconn.SQLite, "sqlite:a%20b%3Fc%25.db", "a b?c%.db", false, false, false},
		{"memory", "sqlite::memory:", sqlconn.SQLite, "sqlite::memory:", ":memory:", false, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target, err := sqlconn.Parse(test.url)
			if err != nil {
				t.Fatal(err)
			}
			if target.Kind() != test.kind || target.IsZero() {
				t.Errorf("Kind() = %v, want %v", target.Kind(), test.kind)
			}
			if got := target.Masked(); got != test.masked {
				t.Errorf("Masked() = %s, want %s", got, test.masked)
			}
			if got := sqlconn.Mask(test.url); got != test.masked {
				t.Errorf("Mask = %s, want %s", got, test.masked)
			}
			if got := target.Addr(); got != test.addr {
				t.Errorf("Addr() = %s, want %s", got, test.addr)
			}
			if target.Remote() != test.remote || target.HasPassword() != test.password || target.TLS() != test.tls {
				t.Errorf("Remote, HasPassword, TLS = %v, %v, %v, want %v, %v, %v",
					target.Remote(), target.HasPassword(), target.TLS(), test.remote, test.password, test.tls)
			}
			if again, err := sqlconn.Parse(strings.ReplaceAll(test.masked, "***", "other")); err != nil || again.Masked() != test.masked {
				t.Errorf("Parse of the masked URL: %v, %v", again, err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, url, part, remedy string }{
		{"empty", "", "the URL", "write postgres://"},
		{"space", "postgres://u:s3cret @db/app", "the URL", "%20"},
		{"no scheme", "s3cret", "the URL", "write postgres://"},
		{"scheme", "mysql://u:s3cret@db/app", "the scheme", "sqlite:relative/path.db"},
		{"no slashes", "postgres:u:s3cret@db/app", "the URL", "postgres://user"},
		{"slash in the password", "postgres://u:s3/cret@db/app", "the user or password", "%2F"},
		{"escape in the password", "postgres://u:s3cret%zz@db/app", "the password", "%25"},
		{"escape in the user", "postgres://u%zz:s3cret@db/app", "the user", "%25"},
		{"no host", "postgres://u:s3cret/app", "the port of the host", "an @ first"},
		{"port", "postgres://u:s3cret@db:http/app", "the port of the host", "host:port"},
		{"port out of range", "postgres://u:s3cret@db:65536/app", "the port of the host", "host:port"},
		{"port of the second host", "postgres://u:s3cret@db,db:0/app", "the port of host 2", "host:port"},
		{"colons", "postgres://u:s3cret@db:1:2/app", "the host", "IPv6"},
		{"host missing in a list", "postgres://u:s3cret@db,/app", "host 2", "host:port"},
		{"brackets", "postgres://u:s3cret@[::1/app", "the host", "[::1]:5432"},
		{"host name", "postgres://u:s3cret@d$b/app", "the host", "host:port"},
		{"no database", "postgres://u:s3cret@db", "the database", "/database"},
		{"no database behind the slash", "postgres://u:s3cret@db/?sslmode=require", "the database", "/database"},
		{"slash in the database", "postgres://u:s3cret@db/a/b", "the database", "%2F"},
		{"fragment", "postgres://u:s3cret@db/app#x", "the URL", "%23"},
		{"unknown parameter", "postgres://u:s3cret@db/app?sslmod=require", "parameter sslmod", "sslmode"},
		{"text that is no name of a parameter", "postgres://db/app?u:s3cret", "a parameter", "sslmode"},
		{"parameter without value", "postgres://u:s3cret@db/app?sslmode", "parameter sslmode", "sslmode=value"},
		{"parameter twice", "postgres://u:s3cret@db/app?sslmode=require&sslmode=disable", "parameter sslmode", "remove one"},
		{"sslmode", "postgres://u:s3cret@db/app?sslmode=yes", "parameter sslmode", "verify-full"},
		{"timeout", "postgres://u:s3cret@db/app?connect_timeout=soon", "parameter connect_timeout", "correct or remove"},
		{"certificate", "postgres://u:s3cret@db/app?sslmode=require&sslrootcert=/nonexistent/ca.pem", "parameter sslrootcert", "correct or remove"},
		{"key without certificate", "postgres://u:s3cret@db/app?sslmode=require&sslkey=/nonexistent/key.pem", "parameter sslkey", "correct or remove"},
		{"host twice", "postgres://u:s3cret@db/app?host=/run", "parameter host", "one of the two"},
		{"host name as parameter", "postgres://u:s3cret@/app?host=db", "parameter host", "in front of the database"},
		{"SQLite without path", "sqlite:", "the path", "sqlite:///absolute"},
		{"SQLite with two slashes", "sqlite://app.db", "the path", "three slashes"},
		{"SQLite directory", "sqlite:///var/", "the path", "name a file"},
		{"SQLite with parameters", "sqlite:///app.db?mode=ro", "the path", "%3F"},
		{"SQLite with a bad escape", "sqlite:///app%.db", "the path", "%25"},
		{"SQLite with NUL", "sqlite:///app%00.db", "the path", "%25"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target, err := sqlconn.Parse(test.url)
			var parseErr *sqlconn.ParseError
			if !errors.As(err, &parseErr) {
				t.Fatalf("Parse = %v, %v; want a *ParseError", target, err)
			}
			if !target.IsZero() {
				t.Errorf("Parse with an error returns %v", target)
			}
			if !strings.Contains(parseErr.Part, test.part) || !strings.Contains(parseErr.Remedy, test.remedy) {
				t.Errorf("error %q; want the part %q and the remedy %q", err, test.part, test.remedy)
			}
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", parseErr, parseErr), sqlconn.Mask(test.url)} {
				if strings.Contains(text, "s3") || strings.Contains(text, "cret") {
					t.Errorf("the password is in %q", text)
				}
			}
		})
	}
}

func TestParseUsesTheEnvironment(t *testing.T) {
	t.Setenv("PGPASSWORD", "s3cret")
	t.Setenv("PGSSLMODE", "require")
	target, err := sqlconn.Parse("postgres://u@db/app")
	if err != nil {
		t.Fatal(err)
	}
	if !target.HasPassword() || !target.TLS() {
		t.Errorf("HasPassword, TLS = %v, %v, want true, true", target.HasPassword(), target.TLS())
	}
	if got, want := target.Masked(), "postgres://u@db:5432/app"; got != want {
		t.Errorf("Masked() = %s, want %s", got, want)
	}
	t.Setenv("PGSSLMODE", "maybe")
	if _, err := sqlconn.Parse("postgres://u:s3cret@db/app"); err == nil || !strings.Contains(err.Error(), "PG") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("Parse with a wrong PGSSLMODE: %v", err)
	}
}

func TestTargetNeverShowsItsPassword(t *testing.T) {
	t.Parallel()
	target, err := sqlconn.Parse("postgres://u:s3cret@db/app?sslpassword=s3cret")
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ T any }{target}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("opened", "target", target, "holder", holder)
	slog.New(slog.NewTextHandler(&log, nil)).Info("opened", "target", target, "holder", holder)
	fmt.Fprintf(&log, "%v %+v %#v %s %q %d %x ", target, target, target, target, target, target, target)
	fmt.Fprintf(&log, "%v %+v %#v %s %q %d %v", holder, holder, holder, holder, holder, holder, &target)
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("the password is in %s", log.String())
	}
}

func FuzzParse(f *testing.F) {
	f.Add("postgres://", "u", "p@ss", "@db.example:5432/app?sslmode=require")
	f.Add("postgresql://", "", "p/a?s#s", "@[::1]/app")
	f.Add("postgres://", "u%", "%zz", "@a,b:1/app?options=-c%20a=b&host=/run")
	f.Add("sqlite:", "///", "", "var/app.db")
	f.Add("sqlite::memory:", "", "", "")
	const mark = "hunter2-"
	f.Fuzz(func(t *testing.T, scheme, user, password, rest string) {
		if strings.Contains(scheme+user+rest, mark) || strings.Contains(scheme+user, "?") {
			return // not only where passwords are
		}
		url := scheme + user + ":" + mark + password + rest
		target, err := sqlconn.Parse(url)
		text := sqlconn.Mask(url)
		if err != nil {
			text += err.Error()
			if !target.IsZero() {
				t.Errorf("a target and an error: %v", err)
			}
		} else if target.Kind() == sqlconn.SQLite || !strings.Contains(rest, "@") {
			return // there the mark is in the path or, without an @, in a public part
		} else {
			text += fmt.Sprintf("%v %+v %#v", target, target, target)
			again, err := sqlconn.Parse(target.Masked())
			if err != nil || again.Masked() != target.Masked() {
				t.Errorf("Parse(%q) = %v, %v", target.Masked(), again, err)
			}
		}
		if strings.Contains(text, mark) {
			t.Errorf("the password is in %q", text)
		}
	})
}
