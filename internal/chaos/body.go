package chaos

import (
	"fmt"
	"hash/crc32"
	"strings"
)

// Body is what an answer of the site says, with enough in it to notice whether
// it is complete, whole, and the one that was asked for.
type Body struct {
	Kind    string // the route
	Key     string // what was asked for
	Version int64  // of Key
	User    string // who asked, where that matters
}

// bodyBytes is the length of every body: more than one packet's worth of
// compression, less than what makes the tests slow.
const bodyBytes = 2048

const bodyHead = "echoic-chaos kind=%s key=%s version=%d user=%s length=%d\n"

// String returns the text of the answer. The fields must not have spaces.
func (b Body) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, bodyHead, field(b.Kind), field(b.Key), b.Version, field(b.User), bodyBytes)
	const tail = len("\ncrc=00000000\n")
	for text.Len() < bodyBytes-tail {
		fmt.Fprintf(&text, "%s/%d ", b.Key, b.Version)
	}
	whole := text.String()[:bodyBytes-tail]
	return fmt.Sprintf("%s\ncrc=%08x\n", whole, crc32.ChecksumIEEE([]byte(whole)))
}

// field is a text that Sscanf takes for one word.
func field(s string) string { return "(" + s + ")" }

// ParseBody takes apart what String made. The error says how it is damaged.
func ParseBody(text string) (Body, error) {
	if len(text) != bodyBytes {
		return Body{}, fmt.Errorf("the body has %d bytes instead of %d", len(text), bodyBytes)
	}
	whole, sum, _ := strings.Cut(text, "\ncrc=")
	if want := fmt.Sprintf("%08x\n", crc32.ChecksumIEEE([]byte(whole))); sum != want {
		return Body{}, fmt.Errorf("the body's checksum is %q instead of %q", sum, want)
	}
	var b Body
	var length int
	if _, err := fmt.Sscanf(text, bodyHead, &b.Kind, &b.Key, &b.Version, &b.User, &length); err != nil {
		return Body{}, fmt.Errorf("the body's first line is damaged: %w", err)
	}
	for _, s := range []*string{&b.Kind, &b.Key, &b.User} {
		*s = strings.Trim(*s, "()")
	}
	return b, nil
}
