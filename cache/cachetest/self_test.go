package cachetest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/cachetest"
	"github.com/echoic-go/echoic/cache/memory"
)

// mutantVariable names the mutant that TestSubject runs the suite on.
const mutantVariable = "CACHETEST_MUTANT"

// TestSubject runs the suite on a sound store, and when TestMutants starts it
// again in a process of its own, on one with a flaw.
func TestSubject(t *testing.T) {
	t.Parallel()
	name := os.Getenv(mutantVariable)
	caps := cachetest.Caps{Objects: name == ""}
	cachetest.RunStore(t, func(t *testing.T) cache.Store {
		store := sound(t)
		if name == "" {
			return store
		}
		for _, m := range mutants {
			if m.name == name {
				return m.make(store)
			}
		}
		t.Fatalf("no mutant named %q", name)
		return nil
	}, caps)
}

// TestBareStore runs everything on a store without extra powers.
func TestBareStore(t *testing.T) {
	t.Parallel()
	cachetest.Run(t, func(t *testing.T) cache.Store {
		return struct{ cache.Store }{sound(t)}
	}, cachetest.Caps{NoMany: true, NoExpirer: true, NoCounter: true, NoSwapper: true, NoLister: true})
}

// TestSharedStore runs the checks for clients of one server.
func TestSharedStore(t *testing.T) {
	t.Parallel()
	server := sound(t)
	cachetest.RunStore(t, func(*testing.T) cache.Store { return newClient(server) }, cachetest.Caps{Shared: true})
}

// TestMutants checks the suite: every flaw must break the check that looks for
// it, and the failure must cite the rule.
func TestMutants(t *testing.T) {
	t.Parallel()
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSubject$/^Store$/"+m.check)
			cmd.Env = append(os.Environ(), mutantVariable+"="+m.name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("the suite does not notice it:\n%s", out)
			}
			if !strings.Contains(string(out), "broken: ") || strings.Contains(string(out), "panic:") {
				t.Errorf("the failure does not cite a rule:\n%s", out)
			}
		})
	}
}

func sound(t *testing.T) *memory.Store {
	t.Helper()
	store, err := memory.New(memory.Config{MaxEntries: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
