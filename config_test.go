package echoic_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/echoic-go/echoic"
)

// clearEnv removes the machine's own variables and starts in an empty directory.
func clearEnv(t *testing.T) {
	t.Helper()
	for _, name := range variables() {
		t.Setenv(name, "") // puts the old value back when the test ends
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(t.TempDir())
}

// variables are those that Config names.
func variables() (names []string) {
	for f := range reflect.TypeFor[echoic.Config]().Fields() {
		if name := f.Tag.Get("env"); name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func TestEnvExampleIsComplete(t *testing.T) {
	t.Parallel()
	file, err := os.Open(".env.example")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	listed := map[string]string{}
	previous := ""
	for lines := bufio.NewScanner(file); lines.Scan(); previous = lines.Text() {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok && !strings.HasPrefix(name, "#") {
			listed[name] = value
			if !strings.HasPrefix(previous, "# ") {
				t.Errorf(".env.example does not explain %s", name)
			}
		}
	}
	for f := range reflect.TypeFor[echoic.Config]().Fields() {
		name := f.Tag.Get("env")
		if name == "-" {
			continue
		}
		value, ok := listed[name]
		if !ok {
			t.Errorf(".env.example does not list %s", name)
		} else if want := f.Tag.Get("envDefault"); value != want {
			t.Errorf(".env.example says %s=%s, the default is %q", name, value, want)
		}
		delete(listed, name)
	}
	for name := range listed {
		t.Errorf(".env.example lists %s, which Config does not have", name)
	}
}

// Who looks a variable up finds it: .env.example says what it is, a page when to
// change it.
func TestDocsNameEveryVariable(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, page := range append(pages, "README.md") {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text += string(raw)
	}
	for _, name := range variables() {
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(text) {
			t.Errorf("neither README.md nor a page of docs names %s", name)
		}
	}
}

func TestConfigFromEnv(t *testing.T) {
	clearEnv(t)
	if cfg, err := echoic.ConfigFromEnv(); err != nil || !reflect.DeepEqual(cfg, echoic.DefaultConfig()) {
		t.Fatalf("an empty environment: %v, %v", cfg, err)
	}
	if err := os.WriteFile(".env", []byte("CACHE_TTL=90\nCACHE_PREFIX=from_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CACHE_PREFIX", "from_env")
	cfg, err := echoic.ConfigFromEnv()
	if err != nil || cfg.CacheTTL != 90*time.Second || cfg.CachePrefix != "from_env" {
		t.Fatalf("%v, %v, %v", cfg.CacheTTL, cfg.CachePrefix, err)
	}
	t.Setenv("CACHE_TTL", "") // hides the one in the file
	cfg, err = echoic.ConfigFromEnv()
	if err != nil || cfg.CacheTTL != 300*time.Second {
		t.Fatalf("%v, %v", cfg.CacheTTL, err)
	}
}

func TestEnvFileIsTheExample(t *testing.T) {
	example, err := os.ReadFile(".env.example")
	if err != nil {
		t.Fatal(err)
	}
	clearEnv(t)
	if err := os.WriteFile(".env", example, 0o600); err != nil {
		t.Fatal(err)
	}
	if cfg, err := echoic.ConfigFromEnv(); err != nil || !reflect.DeepEqual(cfg, echoic.DefaultConfig()) {
		t.Errorf("the example unchanged: %v, %v", cfg, err)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"300": 300 * time.Second, "300s": 300 * time.Second, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "250ms": 250 * time.Millisecond, " 60 ": time.Minute,
		"0.5": 0, "-1": 0, "5 minutes": 0, "9223372037": 0, "1e3": 0, "99999999999999999999": 0,
	} {
		t.Run(text, func(t *testing.T) {
			clearEnv(t)
			t.Setenv("CACHE_TTL", text)
			cfg, err := echoic.ConfigFromEnv()
			if want == 0 {
				var problem *echoic.ConfigError
				if !errors.As(err, &problem) || problem.Variable != "CACHE_TTL" || problem.Value != text || problem.Remedy == "" {
					t.Errorf("got %v, %v", cfg.CacheTTL, err)
				}
				return
			}
			if err != nil || cfg.CacheTTL != want {
				t.Errorf("got %v, %v, want %v", cfg.CacheTTL, err, want)
			}
		})
	}
}

func TestLists(t *testing.T) {
	clearEnv(t)
	t.Setenv("ALLOWED_HOSTS", "example.org, www.example.org")
	t.Setenv("TRUSTED_PROXIES", "10.0.0.0/8, ::1")
	cfg, err := echoic.ConfigFromEnv()
	if err != nil || !slices.Equal(cfg.AllowedHosts, []string{"example.org", "www.example.org"}) || !slices.Equal(cfg.TrustedProxies, []string{"10.0.0.0/8", "::1"}) {
		t.Errorf("%q, %q, %v", cfg.AllowedHosts, cfg.TrustedProxies, err)
	}
}

func TestConfigErrorsNameVariableAndRemedy(t *testing.T) {
	tests := map[string]struct {
		vars []string
		want []string
	}{
		"duration":        {[]string{"CACHE_TTL=soon"}, []string{"CACHE_TTL", "soon", "300s"}},
		"negative":        {[]string{"CACHE_TTL=-5s"}, []string{"CACHE_TTL", "-5s", "at least"}},
		"number":          {[]string{"REDIS_MAX_CONNECTIONS=many"}, []string{"REDIS_MAX_CONNECTIONS", "many", "digits"}},
		"switch":          {[]string{"REDIS_RETRY_ON_TIMEOUT=perhaps"}, []string{"REDIS_RETRY_ON_TIMEOUT", "perhaps", "true or false"}},
		"range":           {[]string{"REDIS_MAX_CONNECTIONS=0"}, []string{"REDIS_MAX_CONNECTIONS", "1 to 10000"}},
		"level":           {[]string{"LOG_LEVEL=loud"}, []string{"LOG_LEVEL", "loud", "debug"}},
		"environment":     {[]string{"APP_ENV=prod"}, []string{"APP_ENV", "prod", "production"}},
		"address":         {[]string{"ADDR=8080"}, []string{"ADDR", "8080", "127.0.0.1:8080"}},
		"redis":           {[]string{"REDIS_URL=http://:hunter2@host:6379"}, []string{"REDIS_URL: \"***\"", "scheme", "redis://"}},
		"redis port":      {[]string{"REDIS_URL=redis://:hunter2@host:hunter2"}, []string{`REDIS_URL: "redis://***" is malformed: the port of the host`, "write host:port"}},
		"redis files":     {[]string{"REDIS_URL=redis://:hunter2@h", "REDIS_CA_FILE=/nowhere.pem"}, []string{"REDIS_CA_FILE", "redis://:***@h", "not encrypted", "rediss://"}},
		"redis no file":   {[]string{"REDIS_URL=rediss://:hunter2@h", "REDIS_CA_FILE=/nowhere.pem"}, []string{"REDIS_CA_FILE", "/nowhere.pem", "PEM"}},
		"redis half pair": {[]string{"REDIS_URL=rediss://:hunter2@h", "REDIS_CERT_FILE=/nowhere.pem"}, []string{"REDIS_KEY_FILE", "missing", "both"}},
		"redis timeouts":  {[]string{"REDIS_CONNECT_TIMEOUT=2m", "REDIS_SOCKET_TIMEOUT=1us"}, []string{"REDIS_CONNECT_TIMEOUT", "2m0s", "REDIS_SOCKET_TIMEOUT", "1µs", "1ms to 1m"}},
		"database":        {[]string{"DATABASE_URL=mysql://u:hunter2@host/db"}, []string{"DATABASE_URL: \"***\"", "postgres://"}},
		"database port":   {[]string{"DATABASE_URL=postgres://u:hunter2@host:hunter2/db"}, []string{`DATABASE_URL: "postgres:***" is malformed`, "port"}},
		"wrong variable":  {[]string{"ADDR=redis://:hunter2@host", "APP_ENV=redis://:hunter2@host", "CACHE_TTL=redis://:hunter2@host", "ALLOWED_HOSTS=http://u:hunter2@h"}, []string{"ADDR", "redis://***", "APP_ENV", "CACHE_TTL", "ALLOWED_HOSTS"}},
		"bytes":           {[]string{"CACHE_MAX_BYTES=4095", "CACHE_MAX_ENTRIES=0", "CACHE_VERSION=-1"}, []string{"CACHE_MAX_BYTES", "4096 or more", "CACHE_MAX_ENTRIES", "CACHE_VERSION"}},
		"idle":            {[]string{"SESSION_LIFETIME=1h", "SESSION_IDLE_TIMEOUT=2h"}, []string{"SESSION_IDLE_TIMEOUT", "2h0m0s", "longer than SESSION_LIFETIME", "shorten"}},
		"session file":    {[]string{"SESSION_DATABASE=dir/"}, []string{"SESSION_DATABASE", "dir/", "name a file"}},
		"cookie name":     {[]string{"SESSION_COOKIE_NAME=a b"}, []string{"SESSION_COOKIE_NAME", "a b", "letters"}},
		"cookie prefix":   {[]string{"SESSION_COOKIE_NAME=__Host-x"}, []string{"SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE=true"}},
		"compression":     {[]string{"CACHE_COMPRESSION=lzma"}, []string{"CACHE_COMPRESSION", "lzma", "zstd"}},
		"prefix":          {[]string{"CACHE_PREFIX=a b"}, []string{"CACHE_PREFIX", "a b"}},
		"proxies":         {[]string{"TRUSTED_PROXIES=10.0.0.0/99"}, []string{"TRUSTED_PROXIES", "10.0.0.0/99"}},
		"two at once":     {[]string{"CACHE_TTL=x", "ADDR=y", "REDIS_URL=http://x"}, []string{"CACHE_TTL", "ADDR", "REDIS_URL"}},
		"production bare": {[]string{"APP_ENV=production"}, []string{"DATABASE_URL", "missing", "postgres://"}},
		"production far": {[]string{"APP_ENV=production", "REDIS_URL=redis://cache.example:6379/1", "DATABASE_URL=postgres://app:hunter2@db.example/app?sslmode=disable"},
			[]string{"REDIS_URL", "password", "TLS", "DATABASE_URL", "sslmode=verify-full"}},
		"sentinel password without sentinels": {[]string{"REDIS_URL=redis://localhost/1", "REDIS_SENTINEL_PASSWORD=secret"}, []string{"REDIS_SENTINEL_PASSWORD", "names no sentinels"}},
		"journal shorter than sessions":       {[]string{"JOURNAL_RETENTION=1h", "SESSION_LIFETIME=2h"}, []string{"JOURNAL_RETENTION", "SESSION_LIFETIME"}},
		"near tier too small":                 {[]string{"CACHE_NEAR_BYTES=1000"}, []string{"CACHE_NEAR_BYTES", "65536"}},
		"production name":                     {[]string{"APP_ENV=production", "REDIS_URL=redis://localhost:6379/1", "SESSION_COOKIE_NAME=sid"}, []string{"SESSION_COOKIE_NAME", "sid", "__Host-"}},
		"templates":                           {[]string{"TEMPLATES_DIR=/nowhere/at/all"}, []string{"TEMPLATES_DIR", "/nowhere/at/all", "no directory"}},
		"production templates":                {[]string{"APP_ENV=production", "REDIS_URL=redis://localhost:6379/1", "TEMPLATES_DIR=."}, []string{"TEMPLATES_DIR", "production refuses", "leave it empty"}},
		"production cookie":                   {[]string{"APP_ENV=production", "REDIS_URL=redis://localhost:6379/1", "SESSION_COOKIE_SECURE=false"}, []string{"SESSION_COOKIE_SECURE", "plain http"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			clearEnv(t)
			for _, v := range tt.vars {
				variable, value, _ := strings.Cut(v, "=")
				t.Setenv(variable, value)
			}
			_, err := echoic.ConfigFromEnv()
			var problem *echoic.ConfigError
			if !errors.As(err, &problem) {
				t.Fatalf("no ConfigError: %v", err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in the error:\n%v", part, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestBadEnvFile(t *testing.T) {
	clearEnv(t)
	if err := os.WriteFile(".env", []byte("PASSWORD 'hunter2\n=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := echoic.ConfigFromEnv(); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), ".env") {
		t.Fatalf("a broken .env: %v", err)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	const redis, postgres = "redis://localhost:6379/1", "postgres://u:p@localhost/db"
	tests := []struct {
		env, redis, database    string
		cache, sessions, cookie string
		warnings                int
	}{
		{"development", "", "", "memory", "sqlite", "session", 0},
		{"development", redis, "", "redis", "sqlite", "session", 0},
		{"development", "", postgres, "memory", "postgres", "session", 0},
		{"development", redis, postgres, "redis", "postgres", "session", 0},
		{"production", redis, postgres, "redis", "redis", "__Host-session", 0},
		{"production", redis, "", "redis", "redis", "__Host-session", 1},
		{"production", "", postgres, "postgres", "postgres", "__Host-session", 1},
		{"production", "", "sqlite:x.db", "sqlite", "sqlite", "__Host-session", 2},
	}
	for _, tt := range tests {
		cfg := echoic.DefaultConfig()
		cfg.Env, cfg.RedisURL, cfg.DatabaseURL = tt.env, tt.redis, tt.database
		if err := cfg.Validate(); err != nil {
			t.Errorf("%+v: %v", tt, err)
		}
		p := cfg.Plan()
		if string(p.Cache) != tt.cache || string(p.Sessions) != tt.sessions || p.Cookie != tt.cookie || len(p.Warnings) != tt.warnings || p.Secure != (tt.env == "production") {
			t.Errorf("%+v: %+v", tt, p)
		}
	}
}

// What is secure enough for production, though it has no password or no TLS.
func TestProductionStarts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ redis, database string }{
		{"redis://localhost:6379/1", ""},
		{"redis://localhost:6379/1", "postgres://app@localhost/app"},
		{"redis://[::1]:6379/1", "postgres://app@127.0.0.1/app?sslmode=disable"},
		{"unix:///run/redis.sock?db=1", "postgres://app@/app?host=/run/postgresql"},
		{"rediss://:secret@cache.example:6380/1", "postgres://app:secret@db.example/app?sslmode=require"},
		{"", "postgres://app:secret@db.example/app?sslmode=verify-full"},
	} {
		cfg := echoic.DefaultConfig()
		cfg.Env, cfg.RedisURL, cfg.DatabaseURL = echoic.Production, tt.redis, tt.database
		if err := cfg.Validate(); err != nil {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func TestConfigHidesPasswords(t *testing.T) {
	t.Parallel()
	cfg := echoic.DefaultConfig()
	cfg.RedisURL, cfg.DatabaseURL = "redis://:hunter2@localhost/1", "postgres://u:hunter2@localhost/db"
	for _, format := range []string{"%v", "%+v", "%s", "%#v", "%q", "%d", "%x"} {
		if text := fmt.Sprintf(format, cfg) + fmt.Sprintf(format, &cfg) + fmt.Sprintf(format, []echoic.Config{cfg}); strings.Contains(text, "hunter2") {
			t.Errorf("%s shows the password: %s", format, text)
		}
	}
	if text := cfg.LogValue().String(); strings.Contains(text, "hunter2") || !strings.Contains(text, "localhost") {
		t.Errorf("LogValue: %s", text)
	}
}

// FuzzConfig: whatever stands in one variable, it is taken or refused by name,
// and a password in it is not shown.
func FuzzConfig(f *testing.F) {
	const marker = "Zq7Xk"
	for i := range variables() {
		f.Add(i, "redis://:", "@localhost:6379/x")
		f.Add(i, "300", "")
	}
	f.Fuzz(func(t *testing.T, i int, before, after string) {
		names := variables()
		name := names[uint(i)%uint(len(names))]
		value := before + after
		url := strings.Contains(before, "://") && strings.HasPrefix(after, "@")
		if url {
			value = before + ":" + marker + after
		}
		if strings.IndexByte(value, 0) >= 0 || strings.Contains(before+after, marker) || strings.Contains(before, "@") {
			return // no value of a variable, or no password where the marker is
		}
		clearEnv(t)
		t.Setenv(name, value)
		_, err := echoic.ConfigFromEnv()
		if err == nil {
			return
		}
		var problem *echoic.ConfigError
		if !errors.As(err, &problem) || problem.Problem == "" || problem.Remedy == "" {
			t.Fatalf("%s=%q: %v", name, value, err)
		}
		if url && strings.Contains(err.Error(), marker) {
			t.Fatalf("the error shows the password: %v", err)
		}
	})
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	embedded := fstest.MapFS{"a.html": {Data: []byte("embedded")}}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.html"), []byte("edited"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		dir, want string
		reload    bool
	}{{"", "embedded", false}, {dir, "edited", true}} {
		cfg := echoic.DefaultConfig()
		cfg.TemplatesDir = tt.dir
		files, reload := cfg.Templates(embedded)
		text, err := fs.ReadFile(files, "a.html")
		if err != nil || string(text) != tt.want || reload != tt.reload {
			t.Errorf("%q: %q, %v, %v", tt.dir, text, reload, err)
		}
	}
}
