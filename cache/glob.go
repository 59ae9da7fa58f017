package cache

import "unicode/utf8"

// literalPrefix returns what every match of the pattern starts with.
func literalPrefix(pattern string) string {
	var b []byte
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '*', '?', '[':
			return string(b)
		case '\\':
			if i++; i == len(pattern) {
				return string(b)
			}
		}
		b = append(b, pattern[i])
	}
	return string(b)
}

// matchGlob reports whether s matches pattern, in the syntax of Redis: * is any
// run of characters (of all kinds, also none), ? one character, [a-c] or [^a-c]
// one of a set, \ takes the next character as it is.
//
// It walks back to the last star only, so it takes at most len(pattern)·len(s)
// steps whatever the pattern.
func matchGlob(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, i
			p++
			continue
		}
		if p < len(pattern) {
			if np, ni, ok := matchOne(pattern, p, s, i); ok {
				p, i = np, ni
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, size := utf8.DecodeRuneInString(s[mark:])
		mark += size
		p, i = star+1, mark
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne matches one character and returns where both go on.
func matchOne(pattern string, p int, s string, i int) (int, int, bool) {
	r, size := utf8.DecodeRuneInString(s[i:])
	switch pattern[p] {
	case '?':
		return p + 1, i + size, true
	case '[':
		if np, in, ok := matchSet(pattern, p+1, r); ok {
			return np, i + size, in
		}
	case '\\':
		if p+1 < len(pattern) {
			p++
		}
	}
	_, width := utf8.DecodeRuneInString(pattern[p:])
	return p + width, i + size, pattern[p:p+width] == s[i:i+size]
}

// matchSet reads a set up to its bracket; ok is false if there is none, and
// then the opening one is an ordinary character.
func matchSet(pattern string, p int, r rune) (next int, in, ok bool) {
	negate := p < len(pattern) && pattern[p] == '^'
	if negate {
		p++
	}
	for p < len(pattern) && pattern[p] != ']' {
		lo, n := setRune(pattern, p)
		p += n
		hi := lo
		if p+1 < len(pattern) && pattern[p] == '-' && pattern[p+1] != ']' {
			hi, n = setRune(pattern, p+1)
			p += 1 + n
		}
		if min(lo, hi) <= r && r <= max(lo, hi) {
			in = true
		}
	}
	if p >= len(pattern) {
		return 0, false, false
	}
	return p + 1, in != negate, true
}

func setRune(pattern string, p int) (rune, int) {
	if pattern[p] == '\\' && p+1 < len(pattern) {
		r, n := utf8.DecodeRuneInString(pattern[p+1:])
		return r, n + 1
	}
	return utf8.DecodeRuneInString(pattern[p:])
}
