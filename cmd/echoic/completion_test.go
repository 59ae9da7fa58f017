package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCompletionCandidates(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"pu":                "purge",
		"sessions ":         "clear-expired list revoke",
		"completion ":       "bash fish zsh",
		"purge --s":         "--soft",
		"purge --tag x --d": "--dry-run",
		"setup-cache --st":  "--strict",
		"stats --interval ": "",
		"nonsense":          "",
	} {
		code, out, _ := program(t, nil, append([]string{completeWord}, strings.Split(words, " ")...)...)
		if got := strings.Join(strings.Fields(out), " "); code != 0 || got != want {
			t.Errorf("%q: exit %d, %q, want %q", words, code, got, want)
		}
	}
}

// The script in a real bash.
func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "echoic")); err != nil {
		t.Fatal(err)
	}
	_, script, _ := program(t, nil, "completion", "bash")
	command := exec.CommandContext(t.Context(), "bash", "--norc", "-c", script+`
COMP_WORDS=(echoic sessions r); COMP_CWORD=2; _echoic; echo "${COMPREPLY[@]}"`)
	command.Env = []string{asCommand + "=1", "PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir}
	out, err := command.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "revoke" {
		t.Errorf("%v: %q", err, out)
	}
}
