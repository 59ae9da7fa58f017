package session

import (
	"crypto/sha256"
	"encoding/base64"
	"net/textproto"
	"strings"
)

// tokenLength is that of the tokens of scs: 256 bits in unpadded base64url.
const tokenLength = 43

// wellFormed reports whether token can be one of ours. Others never reach the
// store.
func wellFormed(token string) bool {
	if len(token) != tokenLength {
		return false
	}
	for i := range tokenLength {
		switch c := token[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// storeKey is the key under which the session with this token is stored. The
// hash is written as scs's HashTokenInStore writes it.
func (s *settings) storeKey(token string) string {
	if !s.hash {
		return token
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// presented returns the first well-formed token among the cookies of that name.
// Unlike http.Request.Cookie it does not allocate, and a malformed cookie that
// somebody put before ours does not hide it.
func presented(cookies []string, name string) string {
	for _, line := range cookies {
		for len(line) > 0 {
			var part string
			part, line, _ = strings.Cut(line, ";")
			n, value, _ := strings.Cut(textproto.TrimString(part), "=")
			if textproto.TrimString(n) != name {
				continue
			}
			if len(value) == tokenLength+2 && value[0] == '"' && value[tokenLength+1] == '"' {
				value = value[1 : tokenLength+1]
			}
			if wellFormed(value) {
				return value
			}
		}
	}
	return ""
}
