package pagecache

import (
	"strings"
	"time"
)

// parseDate reads an HTTP date. What is none, or not there, is false.
func parseDate(lines []string) (time.Time, bool) {
	if len(lines) == 0 {
		return time.Time{}, false
	}
	return httpDate(lines[0])
}

// httpDate reads the three forms of a date (RFC 9110, section 5.6.7), in upper and
// lower case (RFC 9111, section 4.2), and nothing else: what is no date has to
// count as one in the past (section 5.3), and http.ParseTime takes hours of one
// digit and any number of spaces, but no "gmt". Which day of the week it was is
// not checked. It does not allocate.
func httpDate(s string) (time.Time, bool) {
	weekday, rest, _ := strings.Cut(s, " ")
	short := indexFold("sunmontuewedthufrisat", 3, strings.TrimSuffix(weekday, ",")) >= 0
	switch comma := strings.HasSuffix(weekday, ","); {
	case short && comma && shaped(rest, "00 aaa 0000 00:00:00 gmt"):
		return timeOf(number(rest[7:11]), rest[3:6], number(rest[:2]), rest[12:])
	case short && !comma && (shaped(rest, "aaa 00 00:00:00 0000") || shaped(rest, "aaa  0 00:00:00 0000")):
		return timeOf(number(rest[16:]), rest[:3], number(strings.TrimLeft(rest[4:6], " ")), rest[7:])
	case comma && longWeekday(weekday) && shaped(rest, "00-aaa-00 00:00:00 gmt"):
		year := 1900 + number(rest[7:9])
		if year < 1969 { // as package time has it
			year += 100
		}
		return timeOf(year, rest[3:6], number(rest[:2]), rest[10:])
	}
	return time.Time{}, false
}

// shaped reports whether s has a digit for each 0 of shape, a letter for each a,
// and else the same characters, letters in any case.
func shaped(s, shape string) bool {
	if len(s) != len(shape) {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; shape[i] {
		case '0':
			if c < '0' || c > '9' {
				return false
			}
		case 'a':
			if c|0x20 < 'a' || c|0x20 > 'z' {
				return false
			}
		case 'g', 'm', 't':
			if c|0x20 != shape[i] {
				return false
			}
		default:
			if c != shape[i] {
				return false
			}
		}
	}
	return true
}

// timeOf makes a time of its parts; clock begins with hh:mm:ss. A leap second is
// the one before.
func timeOf(year int, month string, day int, clock string) (time.Time, bool) {
	m := indexFold("janfebmaraprmayjunjulaugsepoctnovdec", 3, month)
	hour, minute, second := number(clock[:2]), number(clock[3:5]), number(clock[6:8])
	if m < 0 || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, false
	}
	at := time.Date(year, time.Month(m+1), day, hour, minute, min(second, 59), 0, time.UTC)
	return at, at.Day() == day // else the month has no such day
}

// number is what some digits mean.
func number(digits string) (n int) {
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

// indexFold is the place of name among names of one width, or -1.
func indexFold(names string, width int, name string) int {
	for i := 0; len(name) == width && i < len(names); i += width {
		if strings.EqualFold(names[i:i+width], name) {
			return i / width
		}
	}
	return -1
}

func longWeekday(s string) bool {
	for _, day := range [...]string{"Sunday,", "Monday,", "Tuesday,", "Wednesday,", "Thursday,", "Friday,", "Saturday,"} {
		if strings.EqualFold(s, day) {
			return true
		}
	}
	return false
}
