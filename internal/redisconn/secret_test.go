package redisconn_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/internal/redisconn"
)

// marker stands for a password. Nothing in texts of the package looks like it.
const marker = "Zq7Xk"

// shown is everything by which a target may come to light.
func shown(target redisconn.Target) string {
	type outer struct {
		Public  redisconn.Target
		private redisconn.Target
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "target", target, "outer", outer{target, target}, "pointer", &target)
	}
	text := []string{log.String(), target.String(), target.GoString(), target.Masked(), target.Addr()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%p"} {
		text = append(text, fmt.Sprintf(verb, target), fmt.Sprintf(verb, &target), fmt.Sprintf(verb, outer{target, target}), fmt.Sprintf(verb, []redisconn.Target{target}))
	}
	encoded, err := json.Marshal(outer{target, target})
	text = append(text, string(encoded), fmt.Sprint(err))
	return strings.Join(text, "\n")
}

func TestTargetHidesItsPassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"redis://:" + marker + "@localhost/1", "redis://app:" + marker + "@[::1]:1", "rediss://:" + marker + "@s1,s2/mymaster/1",
		"redis://:" + marker + "@n1,n2/1", "unix://app:" + marker + "@/run/r.sock?db=1",
	} {
		target, err := redisconn.Parse(url)
		if err != nil {
			t.Fatal(err)
		}
		if target.Password() != marker {
			t.Errorf("%v: password %q", target, target.Password())
		}
		if text := shown(target); strings.Contains(text, marker) || strings.Contains(text, fmt.Sprintf("%x", marker)) {
			t.Errorf("%v shows its password:\n%s", target, text)
		}
	}
}

func TestTargetPrintsMasked(t *testing.T) {
	t.Parallel()
	target, err := redisconn.Parse("redis://app:" + marker + "@localhost:6379/1")
	if err != nil {
		t.Fatal(err)
	}
	for verb, want := range map[string]string{
		"%v": "redis://app:***@localhost:6379/1", "%s": "redis://app:***@localhost:6379/1", "%d": "redis://app:***@localhost:6379/1",
		"%q": `"redis://app:***@localhost:6379/1"`, "%#v": `"redis://app:***@localhost:6379/1"`,
	} {
		if got := fmt.Sprintf(verb, target); got != want {
			t.Errorf("%s prints %s, want %s", verb, got, want)
		}
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"redis://:" + marker + "@localhost/1":   "redis://:***@localhost:6379/1",
		"redis://:" + marker + "@localhost/x":   "redis://***",
		"UNIX://" + marker:                      "unix://***",
		marker + "://:" + marker + "@localhost": "***",
		marker:                                  "***",
		"":                                      "***",
	} {
		if got := redisconn.Mask(url); got != want {
			t.Errorf("Mask(%q) = %q, want %q", url, got, want)
		}
	}
}

// FuzzParse: whatever the text, Parse does not panic; what it takes, it shows in
// a form that it takes again and that means the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"redis://localhost:6379/1", "redis://:pw@[::1]:6379/1", "rediss://u:p%40@h", "unix://u:p@/a%20b?db=1", "redis://a:1,b:2/m/1",
		"redis://a,b/3", "redis://[fe80::1%25eth0]", "redis://@h", "://", "redis://h/m/0", "unix:///a%3Fb%23c%40d",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		target, err := redisconn.Parse(url)
		if err != nil {
			var parse *redisconn.ParseError
			if !errors.As(err, &parse) || parse.Part == "" || parse.Problem == "" || parse.Remedy == "" {
				t.Fatalf("error %#v is no complete *ParseError", err)
			}
			return
		}
		masked := target.Masked()
		again, err := redisconn.Parse(masked)
		if err != nil {
			t.Fatalf("Parse(%q) gave %q, which Parse refuses: %v", url, masked, err)
		}
		if again.Masked() != masked || again.Addr() != target.Addr() || again.Kind() != target.Kind() || again.User() != target.User() ||
			again.DB() != target.DB() || again.Remote() != target.Remote() || again.TLS() != target.TLS() || again.HasPassword() != target.HasPassword() {
			t.Fatalf("%q became %q, which means something else: %v", url, masked, again)
		}
	})
}

// FuzzParseSecret: a password is never shown, however broken the rest of the
// URL is, not even where the @ behind it was forgotten.
func FuzzParseSecret(f *testing.F) {
	f.Add("redis", "", "", "@localhost:6379/1")
	f.Add("redis", "app", "%", "@[::1")
	f.Add("rediss", "a/b", "", "@a,b/m/x")
	f.Add("unix", "", "#", "@/run/r?db=")
	f.Add("redis", "user", "", "")
	f.Add("redis", "user", "/", "")
	f.Add("http", "", "", "@h")
	f.Fuzz(func(t *testing.T, scheme, user, middle, rest string) {
		if strings.Contains(scheme+user+middle+rest, marker) || strings.Contains(user+middle, "@") {
			return // the marker is no secret here, or not all of it
		}
		url := scheme + "://" + user + ":" + marker + middle + marker + rest
		target, err := redisconn.Parse(url)
		switch {
		case err != nil && strings.Contains(redisconn.Mask(url), marker):
			t.Fatalf("the mask shows the password: %v", redisconn.Mask(url))
		case err != nil:
			if strings.Contains(err.Error()+fmt.Sprintf("%#v%+v", err, err), marker) {
				t.Fatalf("the error shows the password: %v", err)
			}
		case strings.Contains(target.Password(), marker):
			if strings.Contains(shown(target), marker) {
				t.Fatalf("the target shows its password: %v", target)
			}
		}
	})
}
