package faultproxy

import "testing"

// ForTest starts a proxy before target for t alone, and closes it when t ends.
func ForTest(t testing.TB, target string) *Proxy {
	t.Helper()
	p, err := Start(Config{Target: target, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}
