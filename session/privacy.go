package session

import (
	"net/http"
	"strings"
)

// private completes the header of an answer that was made from somebody's
// session: no shared cache may keep it. What the handler said stays where it is
// at least as strict.
func private(h http.Header) {
	h["Cache-Control"] = []string{privateControl(h["Cache-Control"])}
	for name := range h {
		// RFC 9213 and its vendors' forms outrank Cache-Control at a CDN.
		if strings.HasSuffix(name, "Cdn-Cache-Control") || name == "Surrogate-Control" {
			delete(h, name)
		}
	}
	if !variesByCookie(h["Vary"]) {
		h.Add("Vary", "Cookie")
	}
}

// privateControl returns a Cache-Control without what lets shared caches store
// the answer.
func privateControl(lines []string) string {
	if len(lines) == 0 {
		return "private, no-cache"
	}
	var kept []string
	strict := false
	for _, directive := range directives(strings.Join(lines, ",")) {
		name, _, qualified := strings.Cut(directive, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "public", "s-maxage":
			continue
		case "private":
			if qualified {
				continue // it is about some fields only
			}
			strict = true
		case "no-store":
			strict = true
		}
		kept = append(kept, directive)
	}
	if strict {
		return strings.Join(kept, ", ")
	}
	if len(kept) == 0 {
		return "private, no-cache"
	}
	return "private, " + strings.Join(kept, ", ")
}

// directives splits at the commas outside of quoted strings.
func directives(line string) []string {
	var all []string
	quoted, from := false, 0
	add := func(to int) {
		if d := strings.TrimSpace(line[from:to]); d != "" {
			all = append(all, d)
		}
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			add(i)
			from = i + 1
		}
	}
	add(len(line))
	return all
}

// variesByCookie reports whether the field names Cookie, or everything.
func variesByCookie(lines []string) bool {
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			if name == "*" || strings.EqualFold(name, "Cookie") {
				return true
			}
		}
	}
	return false
}
