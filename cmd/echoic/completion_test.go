package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/internal/testenv"
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

// shellWith returns the path of a shell, and an environment in which this test's
// program is echoic. Without the shell the test is not run, and says how to have it.
func shellWith(t *testing.T, name string) (shell string, env []string) {
	t.Helper()
	shell, err := exec.LookPath(name)
	if err != nil {
		testenv.Skip(t, fmt.Sprintf("there is no %s on this machine: apt-get install %s", name, name))
	}
	dir := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "echoic")); err != nil {
		t.Fatal(err)
	}
	return shell, []string{asCommand + "=1", "PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir, "TERM=xterm", "ZDOTDIR=" + dir}
}

// completed are lines that are typed up to the cursor, and what the shell offers.
var completed = map[string]string{
	"echoic sessions r":       "revoke",
	"echoic completion ":      "bash fish zsh",
	"echoic purge --s":        "--soft",
	"echoic setup-cache --st": "--strict",
	"echoic pur":              "purge",
}

// The script in a real fish.
func TestCompletionInFish(t *testing.T) {
	t.Parallel()
	shell, env := shellWith(t, "fish")
	_, script, _ := program(t, nil, "completion", "fish")
	for line, want := range completed {
		command := exec.CommandContext(t.Context(), shell, "--no-config", "-c", script+"\ncomplete --do-complete '"+line+"'")
		command.Env = env
		out, err := command.CombinedOutput()
		if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != want {
			t.Errorf("%q: %v: %q, want %q", line, err, got, want)
		}
	}
}

// The script in a real zsh on a terminal: the line is typed, and TAB pressed.
func TestCompletionInZsh(t *testing.T) {
	t.Parallel()
	shell, env := shellWith(t, "zsh")
	_, script, _ := program(t, nil, "completion", "zsh")
	home := strings.TrimPrefix(env[2], "HOME=")
	for name, set := range map[string]struct{ file, rc string }{
		"sourced":  {filepath.Join(home, "script"), "autoload -U compinit; compinit -u; source ~/script\n"},
		"in fpath": {filepath.Join(home, "_echoic"), "fpath=(~ $fpath); autoload -U compinit; compinit -u\n"},
	} {
		if err := os.WriteFile(set.file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		// The widget runs the completion of the line, and then shows the line.
		for line, want := range completed {
			words := strings.Fields(want)
			run := set.rc + `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1=; unsetopt beep; stty cols 200; ` + strings.TrimSpace(strings.ReplaceAll(set.rc, "\n", ";")) + `'
zpty -w z 'zstyle ":completion:*" list-prompt ""; setopt auto_list no_auto_menu; echo re""ady'
zpty -m -r z got '*ready*'
zpty -n -w z ` + "'" + line + "'" + `$'\t\t'
sleep 0.1
zpty -n -w z $'\x15echo e""nd\n'
all=
while zpty -r z got; do all+=$got; [[ $all == *$'\n'end* || $all == *end$'\r'* ]] && break; done
print -r -- $all
zpty -d z`
			command := exec.CommandContext(t.Context(), shell, "-f", "-c", run)
			command.Env = env
			out, err := command.CombinedOutput()
			seen := escapes.ReplaceAllString(string(out), "")
			for _, word := range words {
				rest := word
				if len(words) == 1 { // the rest of the word is written into the line
					typed := line[strings.LastIndexByte(line, ' ')+1:]
					rest = strings.TrimPrefix(word, typed) + " "
				}
				if err != nil || !strings.Contains(seen, rest) {
					t.Errorf("%s: %q: %v: no %q in %q", name, line, err, rest, seen)
				}
			}
		}
	}
}
