package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand is echoic completion.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// completeWord is what the scripts call this program with.
const completeWord = "__complete"

// The scripts ask the program itself, so that they are never older than it. They
// hand over the words up to the cursor, the last of which may be empty.
var completionScripts = map[string]string{
	"bash": `# source <(echoic completion bash)
_echoic() {
	local IFS=$'\n'
	COMPREPLY=($(echoic __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _echoic echoic
`,
	"zsh": `#compdef echoic
# echoic completion zsh > "${fpath[1]}/_echoic"
_echoic() {
	local -a candidates
	candidates=("${(@f)$(echoic __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ -n "${candidates[1]}" ]]; then compadd -- "${candidates[@]}"; else _files; fi
}
if [ "${funcstack[1]}" = "_echoic" ]; then _echoic "$@"; else compdef _echoic echoic; fi
`,
	"fish": `# echoic completion fish > ~/.config/fish/completions/echoic.fish
complete -c echoic -f -a '(set -l words (commandline -opc); echoic __complete $words[2..-1] (commandline -ct) 2>/dev/null)'
`,
}

// Run prints the script.
func (c *completionCommand) Run(s streams) error {
	_, err := fmt.Fprint(s.out, completionScripts[c.Shell])
	return err
}

// complete prints what can stand in the place of the last word.
func complete(app *kong.Application, words []string, s streams) int {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	for _, candidate := range candidates(app.Node, words[:len(words)-1], last) {
		if strings.HasPrefix(candidate, last) {
			fmt.Fprintln(s.out, candidate)
		}
	}
	return exitOK
}

// candidates walks down the commands that are there already.
func candidates(node *kong.Node, before []string, last string) (list []string) {
	flags := node.Flags
	var open *kong.Flag // whose value comes next
	for _, word := range before {
		if open != nil {
			open = nil
			continue
		}
		if strings.HasPrefix(word, "-") {
			open = wantsValue(flags, word)
			continue
		}
		if child := childOf(node, word); child != nil {
			node = child
			flags = append(slices.Clone(flags), node.Flags...)
		}
	}
	switch {
	case open != nil:
		return enums(open.Value)
	case strings.HasPrefix(last, "-"):
		for _, flag := range flags {
			if !flag.Hidden {
				list = append(list, "--"+flag.Name)
			}
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				list = append(list, child.Name)
			}
		}
		for _, argument := range node.Positional {
			list = append(list, enums(argument)...)
		}
	}
	slices.Sort(list)
	return list
}

func childOf(node *kong.Node, word string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == word || slices.Contains(child.Aliases, word) {
			return child
		}
	}
	return nil
}

// wantsValue returns the flag if the next word is its value.
func wantsValue(flags []*kong.Flag, word string) *kong.Flag {
	if strings.Contains(word, "=") {
		return nil
	}
	for _, flag := range flags {
		if word == "--"+flag.Name && !flag.IsBool() {
			return flag
		}
	}
	return nil
}

// enums are the values that a flag or an argument can have.
func enums(value *kong.Value) (list []string) {
	for word := range strings.SplitSeq(value.Enum, ",") {
		if word != "" {
			list = append(list, word)
		}
	}
	return list
}
