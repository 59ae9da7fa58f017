package session

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/echoic-go/echoic/cache"
)

// CSRFConfig is what a [CSRF] is made of. Manager and Keys are required.
type CSRFConfig struct {
	// Manager has the sessions that tokens are bound to.
	Manager *Manager
	// Keys are secrets of at least 32 random bytes, at most 8. Tokens are made
	// with the first and accepted with all: put a new one in front, and take the
	// old one away a day later.
	Keys [][]byte
	// CookieName is that of the cookie of visitors without a session. Defaults to
	// "__Host-csrf" if the session's cookie is Secure, else to "csrf".
	CookieName string
}

// CSRF makes and checks the tokens by which forms of this site are told from those
// of others.
//
// For a visitor with a session the token is bound to its token: it ends with the
// session, and changes at login. Visitors without one get a signed cookie that
// lasts until the browser is closed, and no session: a public form costs no row. No
// two answers have the same text, so that compression does not give it away
// (BREACH). All comparisons take constant time.
//
// Use it by middleware.CSRF, or under net/http by [CSRF.Open] and [CSRF.Verify]. It
// is safe for concurrent use.
type CSRF struct {
	m      *Manager
	keys   [][]byte
	cookie string
}

// Errors of CSRF.
var (
	// ErrCSRF is a request without a token, or with one that is not its visitor's.
	ErrCSRF = errors.New("session: the CSRF token is missing or not that of the visitor")
	// ErrNoCSRF is a token that was asked for outside of the middleware.
	ErrNoCSRF = errors.New("session: no CSRF protection under this context: use middleware.CSRF inside middleware.Sessions")
	// ErrTooLate is a token that was asked for after the header had gone out, by a
	// visitor who needs a cookie for it.
	ErrTooLate = errors.New("session: a CSRF token needs a cookie, and the header is out: ask for it before the first byte")
)

const (
	leastKey = 32 // bytes
	mostKeys = 8
	// macSize is that of a token before it is masked.
	macSize = sha256.Size
)

// NewCSRF returns an error if the config cannot work.
func NewCSRF(cfg CSRFConfig) (*CSRF, error) {
	switch {
	case cfg.Manager == nil:
		return nil, errors.New("session: CSRFConfig.Manager is nil: pass what session.New returned")
	case len(cfg.Keys) == 0 || len(cfg.Keys) > mostKeys:
		return nil, fmt.Errorf("session: CSRFConfig.Keys has %d keys: give 1 to %d", len(cfg.Keys), mostKeys)
	}
	c := &CSRF{m: cfg.Manager, cookie: cfg.CookieName}
	for i, key := range cfg.Keys {
		if len(key) < leastKey {
			return nil, fmt.Errorf("session: CSRFConfig.Keys[%d] has %d bytes: give at least %d random ones", i, len(key), leastKey)
		}
		c.keys = append(c.keys, slices.Clone(key))
	}
	secure := cfg.Manager.SessionManager.Cookie.Secure
	if c.cookie == "" {
		if c.cookie = "csrf"; secure {
			c.cookie = "__Host-csrf"
		}
	}
	sample := http.Cookie{Name: c.cookie, Value: "x"}
	switch err := sample.Valid(); {
	case err != nil:
		return nil, fmt.Errorf("session: CSRFConfig.CookieName: %w", err)
	case !secure && (strings.HasPrefix(strings.ToLower(c.cookie), "__host-") || strings.HasPrefix(strings.ToLower(c.cookie), "__secure-")):
		return nil, fmt.Errorf("session: CSRFConfig.CookieName is %q, and the session's cookie is not Secure: browsers would drop it", c.cookie)
	}
	return c, nil
}

// csrfVisit is one request.
type csrfVisit struct {
	w         http.ResponseWriter
	cookies   []string
	committed func() bool

	mu    sync.Mutex
	nonce string // of the cookie that the visitor has or gets
}

type csrfKey struct{ c *CSRF }

// Open returns the request under whose context there are tokens. A cookie, if the
// visitor needs one, is set in the header of w. committed, which may be nil, reports
// whether that is out.
func (c *CSRF) Open(w http.ResponseWriter, r *http.Request, committed func() bool) *http.Request {
	v := &csrfVisit{w: w, cookies: r.Header["Cookie"], committed: committed}
	return r.WithContext(context.WithValue(r.Context(), csrfKey{c}, v))
}

// Token returns the token for a form of this answer, of the characters A-Z, a-z,
// 0-9, _ and -. It is another one at every call, and all stay valid. The answer is
// the visitor's alone; in a cached page, give the method to Pages.Live as a hole of
// kind live.Token. The first visitor who needs a cookie for it is not the one whose
// answer is kept.
//
// It returns [ErrNoCSRF], [ErrTooLate], or a *[StoreError] if it is not known who
// asks.
func (c *CSRF) Token(ctx context.Context) (string, error) {
	v, _ := ctx.Value(csrfKey{c}).(*csrfVisit)
	if v == nil {
		return "", ErrNoCSRF
	}
	cache.Private(ctx, "CSRF token")
	token, _, err := c.who(ctx)
	if err != nil {
		return "", err
	}
	if token != "" {
		return mask(c.mac(c.keys[0], "session", token)), nil
	}
	nonce, err := v.anonymous(c)
	if err != nil {
		return "", err
	}
	return mask(c.mac(c.keys[0], "visitor", nonce)), nil
}

// Verify returns nil if token is one of the visitor of ctx, and [ErrCSRF] if it is
// not. Who is logged in needs one that was made after the login.
func (c *CSRF) Verify(ctx context.Context, token string) error {
	v, _ := ctx.Value(csrfKey{c}).(*csrfVisit)
	if v == nil {
		return ErrNoCSRF
	}
	got, ok := unmask(token)
	if !ok {
		return ErrCSRF
	}
	session, user, err := c.who(ctx)
	if err != nil {
		return err
	}
	nonce := ""
	if user == "" { // he may have got a session since he opened the form
		nonce = c.presentedNonce(v.cookies)
	}
	valid := false
	for _, key := range c.keys {
		if session != "" {
			valid = hmac.Equal(got, c.mac(key, "session", session)) || valid
		}
		if nonce != "" {
			valid = hmac.Equal(got, c.mac(key, "visitor", nonce)) || valid
		}
	}
	if !valid {
		return ErrCSRF
	}
	return nil
}

// who returns the session's token and its user, or "" for each.
func (c *CSRF) who(ctx context.Context) (token, user string, err error) {
	v, err := c.m.enter(ctx)
	if err != nil {
		if errors.Is(err, ErrUnmanaged) {
			err = ErrNoCSRF
		}
		return "", "", err
	}
	own := v.view(ctx, 0)
	return c.m.SessionManager.Token(own), c.m.SessionManager.GetString(own, userKey), nil
}

// anonymous returns what stands for a visitor without a session, and sets the
// cookie if he has none.
func (v *csrfVisit) anonymous(c *CSRF) (nonce string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.nonce != "" {
		return v.nonce, nil
	}
	if v.nonce = c.presentedNonce(v.cookies); v.nonce != "" {
		return v.nonce, nil
	}
	if v.committed != nil && v.committed() {
		return "", ErrTooLate
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	v.nonce = base64.RawURLEncoding.EncodeToString(b[:])
	http.SetCookie(v.w, &http.Cookie{
		Name: c.cookie, Value: v.nonce + "." + c.signature(c.keys[0], v.nonce), Path: "/",
		Secure: c.m.conf().save.Cookie.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return v.nonce, nil
}

// nonceLength is that of 128 bits in unpadded base64url.
const nonceLength = 22

// presentedNonce returns the first nonce among the cookies that one of the keys has
// signed.
func (c *CSRF) presentedNonce(cookies []string) string {
	for _, line := range cookies {
		for part := range strings.SplitSeq(line, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			nonce, signature, ok := strings.Cut(strings.Trim(value, `"`), ".")
			if name != c.cookie || !ok || len(nonce) != nonceLength {
				continue
			}
			for _, key := range c.keys {
				if hmac.Equal([]byte(signature), []byte(c.signature(key, nonce))) {
					return nonce
				}
			}
		}
	}
	return ""
}

func (c *CSRF) signature(key []byte, nonce string) string {
	return base64.RawURLEncoding.EncodeToString(c.mac(key, "cookie", nonce))
}

// mac is what stands for a visitor. Neither kind nor text has a NUL.
func (c *CSRF) mac(key []byte, kind, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("echoic csrf 1\x00" + kind + "\x00" + text))
	return h.Sum(nil)
}

// mask makes text of which no part is the same twice.
func mask(mac []byte) string {
	var b [2 * macSize]byte
	_, _ = rand.Read(b[:macSize]) // never fails
	for i, x := range mac {
		b[macSize+i] = b[i] ^ x
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func unmask(token string) (mac []byte, ok bool) {
	if len(token) != base64.RawURLEncoding.EncodedLen(2*macSize) {
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != 2*macSize {
		return nil, false
	}
	for i := range macSize {
		b[macSize+i] ^= b[i]
	}
	return b[macSize:], true
}
