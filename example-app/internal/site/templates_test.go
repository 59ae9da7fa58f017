package site_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/templates"
)

// With TEMPLATES_DIR an edited template counts from the next request on; a broken
// one leaves the last good page, with the error on it.
func TestTemplatesAreReloaded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, templates.App); err != nil {
		t.Fatal(err)
	}
	cfg := developmentConfig(t)
	cfg.TemplatesDir = dir
	v := &visitor{handler: newSite(t, cfg, "sqlite:"+filepath.Join(t.TempDir(), "quotes.db"))}
	about := filepath.Join(dir, "app", "pages", "about.html")
	source, err := os.ReadFile(about)
	if err != nil {
		t.Fatal(err)
	}
	const alert = "The templates cannot be loaded"
	first := v.do("GET", "/about", nil)
	if first.StatusCode != 200 || strings.Contains(first.body, alert) {
		t.Fatalf("%d %s", first.StatusCode, first.body)
	}
	for _, step := range []struct {
		add         string
		edit, alert bool
	}{{"<p>first edit</p>", true, false}, {"{{ broken }}", false, true}, {"{{ if live", false, true}, {"<p>second edit</p>", true, false}} {
		if err := os.WriteFile(about, bytes.Replace(source, []byte("{{ define \"main\" }}"), []byte("{{ define \"main\" }}"+step.add), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		a := v.do("GET", "/about", nil)
		if a.StatusCode != 200 || strings.Contains(a.body, step.add) != step.edit || strings.Contains(a.body, alert) != step.alert {
			t.Errorf("%s: %d %s", step.add, a.StatusCode, a.body)
		}
		if step.alert && (!strings.Contains(a.body, "first edit") || !strings.Contains(a.body, "about.html:")) {
			t.Errorf("%s: neither the last good page nor the place of the error: %s", step.add, a.body)
		}
	}
}

func developmentConfig(t *testing.T) echoic.Config {
	t.Helper()
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = filepath.Join(t.TempDir(), "sessions.db")
	return cfg
}
