package console_test

import (
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/templates"
)

// TestContrast computes the contrast of the palette (WCAG 2.2, 1.4.3 and 1.4.11) in
// both colour schemes: 4.5:1 for text, 3:1 for what has to be told apart.
func TestContrast(t *testing.T) {
	t.Parallel()
	css, err := fs.ReadFile(templates.Console, "console/static/console.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, found := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	dark, _, ended := strings.Cut(rest, "\n}\n")
	if !found || !ended {
		t.Fatal("the style sheet has no dark scheme")
	}
	text := [][2]string{
		{"ink", "paper"}, {"ink", "sheet"}, {"soft", "paper"}, {"soft", "sheet"}, {"accent", "paper"}, {"accent", "sheet"},
		{"accent-ink", "accent"}, {"danger-ink", "danger"}, {"paper", "ink"}, {"good", "paper"}, {"good", "sheet"},
		{"warn", "sheet"}, {"bad", "sheet"}, {"bad", "paper"},
	}
	shapes := [][2]string{
		{"edge", "paper"}, {"edge", "sheet"}, {"accent", "paper"}, {"hit", "sheet"}, {"shared", "sheet"}, {"miss", "sheet"}, {"bypass", "sheet"},
		{"good", "sheet"}, {"warn", "sheet"}, {"bad", "sheet"},
	}
	for scheme, part := range map[string]string{"light": light, "dark": dark} {
		palette := paletteOf(part)
		for least, pairs := range map[float64][][2]string{4.5: text, 3: shapes} {
			for _, pair := range pairs {
				front, ok1 := palette[pair[0]]
				back, ok2 := palette[pair[1]]
				if !ok1 || !ok2 {
					t.Errorf("%s: --%s or --%s is missing", scheme, pair[0], pair[1])
					continue
				}
				if got := contrast(front, back); got < least {
					t.Errorf("%s: --%s on --%s is %.2f:1, want %v:1", scheme, pair[0], pair[1], got, least)
				}
			}
		}
	}
}

var colour = regexp.MustCompile(`--([a-z-]+):\s*#([0-9a-f]{6});`)

func paletteOf(css string) map[string]float64 {
	palette := map[string]float64{}
	for _, m := range colour.FindAllStringSubmatch(css, -1) {
		palette[m[1]] = luminance(m[2])
	}
	return palette
}

// luminance is the relative luminance of a colour in sRGB.
func luminance(hex string) float64 {
	n, _ := strconv.ParseUint(hex, 16, 32)
	part := func(shift uint) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}

func contrast(a, b float64) float64 { return (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05) }
