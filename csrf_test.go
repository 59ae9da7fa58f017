package echoic_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/echoic-go/echoic"
)

func TestCSRFKeys(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("s", 32)
	for name, test := range map[string]struct {
		keys []string
		want string // of the error
	}{
		"none":  {nil, ""},
		"one":   {[]string{long}, ""},
		"two":   {[]string{long, strings.Repeat("t", 44)}, ""},
		"short": {[]string{long, "hunter2"}, "SECRET_KEY"},
		"many":  {[]string{long, long, long, long, long, long, long, long, long}, "SECRET_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := echoic.DefaultConfig()
			cfg.SecretKeys = test.keys
			err := cfg.Validate()
			if (err != nil) != (test.want != "") || err != nil && (!strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), long)) {
				t.Errorf("Validate: %v", err)
			}
			if text := fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg); strings.Contains(text, "hunter2") || strings.Contains(text, long) {
				t.Errorf("the config shows its keys: %s", text)
			}
		})
	}
}

func inMemory(t *testing.T) echoic.Config {
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
	return cfg
}

func TestCSRFInDevelopment(t *testing.T) {
	t.Parallel()
	app := open(t, inMemory(t))
	csrf, err := app.CSRF()
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := app.CSRF(); again != csrf {
		t.Error("another one at the second call")
	}
}

func TestCSRFNeedsAKeyInProduction(t *testing.T) {
	t.Parallel()
	app := open(t, inMemory(t))
	app.Config.Env = echoic.Production
	var problem *echoic.ConfigError
	if _, err := app.CSRF(); !errors.As(err, &problem) || problem.Variable != "SECRET_KEY" {
		t.Errorf("CSRF in production without a key: %v", err)
	}
}
