package console

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// percent writes a part of 1.
func percent(part float64) string {
	return strconv.FormatFloat(math.Floor(part*1000)/10, 'f', 1, 64) + " %"
}

// decimal writes a number with as many digits as matter.
func decimal(v float64) string {
	switch {
	case v >= 10 || v == math.Trunc(v):
		return grouped(uint64(math.Round(v)))
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// grouped writes 1234567 as 1 234 567, with thin spaces that do not break.
func grouped(n uint64) string {
	text := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, r := range text {
		if i > 0 && (len(text)-i)%3 == 0 {
			b.WriteRune('\u202f')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// bytesOf writes a number of bytes.
func bytesOf(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, unit := float64(n), 0
	for v >= 1024 && unit < len(units)-1 {
		v, unit = v/1024, unit+1
	}
	if unit == 0 || v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64) + "\u202f" + units[unit]
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + "\u202f" + units[unit]
}

// span2 writes a duration with two or three digits that matter.
func span2(d time.Duration) string {
	unit, name := time.Duration(1), "ns"
	switch {
	case d == 0:
		return "0"
	case d >= time.Second:
		unit, name = time.Second, "s"
	case d >= time.Millisecond:
		unit, name = time.Millisecond, "ms"
	case d >= time.Microsecond:
		unit, name = time.Microsecond, "µs"
	}
	v := float64(d) / float64(unit)
	if v >= 10 {
		return strconv.FormatFloat(v, 'f', 0, 64) + "\u202f" + name
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + "\u202f" + name
}

// long writes a duration of people: days, hours, minutes.
func long(d time.Duration) string {
	switch {
	case d < time.Second:
		return span2(max(d, 0))
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func ago(d time.Duration) string { return long(d.Round(time.Second)) + " ago" }

// visible makes what cannot be seen visible: control characters, which could
// pretend to be something else in a terminal that the text is copied to, and those
// that turn the direction of writing. Line ends and tabs stay.
func visible(html []byte) []byte {
	clean := true
	for i := 0; i < len(html); {
		r, size := utf8.DecodeRune(html[i:])
		if hidden(r) || r == utf8.RuneError && size == 1 {
			clean = false
			break
		}
		i += size
	}
	if clean {
		return html
	}
	out := make([]byte, 0, len(html)+64)
	for i := 0; i < len(html); {
		r, size := utf8.DecodeRune(html[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			out = fmt.Appendf(out, `\x%02x`, html[i])
		case !hidden(r):
			out = append(out, html[i:i+size]...)
		case r < 0x80:
			out = fmt.Appendf(out, `\x%02x`, r)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}

func hidden(r rune) bool {
	switch r {
	case '\n', '\t', '\u202f':
		return false
	case '\u2028', '\u2029', '\ufeff':
		return true
	}
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r)
}
