package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// streams are what the commands read from and write to.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

const (
	// plainWidth is how wide text is where there is no terminal.
	plainWidth     = 80
	leastWidth     = 40
	mostWidth      = 120
	colourVariable = "NO_COLOR" // https://no-color.org
)

// isTerminal reports whether a stream is one.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// screen writes text that is as wide as the terminal, in colours if there is
// one and NO_COLOR is empty. What came from elsewhere cannot steer it.
type screen struct {
	w      io.Writer
	width  int
	colour bool
}

func newScreen(w io.Writer) *screen {
	s := &screen{w: w, width: plainWidth}
	if f, ok := w.(*os.File); ok && isTerminal(w) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			s.width = min(max(width, leastWidth), mostWidth)
		}
		s.colour = os.Getenv(colourVariable) == "" && os.Getenv("TERM") != "dumb"
	}
	return s
}

// The colours, as terminals number them.
const (
	red    = 31
	green  = 32
	yellow = 33
	cyan   = 36
	bold   = 1
)

// paint colours text.
func (s *screen) paint(code int, text string) string {
	if !s.colour || code == 0 {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", code, text)
}

// line writes one line as it is.
func (s *screen) line(format string, args ...any) { fmt.Fprintf(s.w, format+"\n", args...) }

// title begins a section.
func (s *screen) title(text string) { s.line("\n%s", s.paint(bold, printable(text))) }

// hang writes head, and text beside it, whose further lines begin below its
// first. Head is indent columns wide, or gets a line of its own.
func (s *screen) hang(indent int, head, text string) {
	wide := visibleWidth(head)
	pad := strings.Repeat(" ", indent)
	switch {
	case wide >= indent:
		s.line("%s", head)
		head = pad
	default:
		head += pad[wide:]
	}
	for i, line := range wrap(printable(text), s.width-indent) {
		if i > 0 {
			head = pad
		}
		s.line("%s", strings.TrimRight(head+line, " "))
	}
}

// visibleWidth counts runes, less colours.
func visibleWidth(text string) (n int) {
	inside := false
	for _, r := range text {
		switch {
		case r == '\x1b':
			inside = true
		case inside:
			inside = r != 'm'
		default:
			n++
		}
	}
	return n
}

// wrap breaks text at spaces into lines of at most width runes; longer words
// stay whole, so that they can be copied.
func wrap(text string, width int) (lines []string) {
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		line := ""
		for word := range strings.FieldsSeq(paragraph) {
			switch {
			case line == "":
				line = word
			case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
				line += " " + word
			default:
				lines = append(lines, line)
				line = word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// printable shows characters that would steer the terminal, or turn text round,
// as what they are: \x1b, \u202e. Line breaks stay.
func printable(text string) string {
	if utf8.ValidString(text) && strings.IndexFunc(text, unprintable) < 0 {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !unprintable(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// oneLine is printable without line breaks.
func oneLine(text string) string { return strings.ReplaceAll(printable(text), "\n", `\x0a`) }

func unprintable(r rune) bool {
	return r != '\n' && (unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029')
}

// printJSON writes a value. Go's encoder escapes what a terminal would obey but
// C1 controls and format characters, which are escaped here.
func printJSON(w io.Writer, value any) error {
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, r := range string(raw) {
		if r > 0x7e && unprintable(r) {
			if r > 0xffff {
				fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
			} else {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
			continue
		}
		b.WriteRune(r)
	}
	_, err = fmt.Fprintln(w, b.String())
	return err
}
