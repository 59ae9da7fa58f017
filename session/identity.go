package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"time"
)

// loginKey is where a session keeps what is known of its login.
const loginKey = "__login"

// login is what a session knows of the login that it began with. It stays as it is
// when the token is renewed.
type login struct {
	ID      string `json:"i"`           // names it, in pages
	Since   int64  `json:"s,omitempty"` // its stamp, if the store has one
	At      int64  `json:"t"`           // in seconds
	Seen    int64  `json:"l,omitempty"` // when it was last saved
	Agent   string `json:"a,omitempty"`
	Address string `json:"d,omitempty"`
}

const (
	// maxAgent and maxAddress bound what browsers say of themselves, in bytes.
	maxAgent, maxAddress = 256, 64
	// seenEvery is how exactly it is known when a session was saved: more would
	// change sessions which are saved as they were.
	seenEvery = time.Minute
)

// newLogin describes the login that the request of v makes.
func (v *visit) newLogin(since int64) login {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	now := time.Now().Unix()
	l := login{ID: base64.RawURLEncoding.EncodeToString(id[:]), Since: since, At: now, Seen: now}
	if v.request != nil {
		l.Agent = bounded(v.request.UserAgent(), maxAgent)
		l.Address = bounded(v.m.cfg.Address(v.request), maxAddress)
	}
	return l
}

// bounded makes text valid and short, without control characters.
func bounded(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text[:min(len(text), limit)], ""))
	return strings.TrimSpace(text)
}

// remoteHost is the address of the peer, without its port.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// text is how the session keeps it: as a string, which every codec knows.
func (l login) text() string {
	data, _ := json.Marshal(l) // never fails for strings and numbers
	return string(data)
}

// loginIn returns the login that is in the values of a session. What cannot be
// read is none.
func loginIn(values map[string]any) (user string, l login) {
	user, _ = values[userKey].(string)
	text, _ := values[loginKey].(string)
	if user == "" || text == "" || json.Unmarshal([]byte(text), &l) != nil {
		return user, login{}
	}
	return user, l
}

// login returns that of the session of v.
func (v *visit) login(ctx context.Context) (user string, l login) {
	own := v.m.SessionManager
	if user = own.GetString(ctx, userKey); user == "" {
		return "", login{}
	}
	return loginIn(map[string]any{userKey: user, loginKey: own.GetString(ctx, loginKey)})
}

// owner is what an Indexer is told.
func owner(user string, l login, deadline time.Time) Owner {
	if user == "" || l.ID == "" {
		return Owner{}
	}
	return Owner{User: userHash(user), Login: l.ID, Since: l.Since, Until: deadline}
}

// ownerIn returns whose session is encoded in data. It is asked for new ones only.
func (m *Manager) ownerIn(data []byte) Owner {
	deadline, values, err := m.conf().load.Codec.Decode(data)
	if err != nil {
		return Owner{}
	}
	user, l := loginIn(values)
	return owner(user, l, deadline)
}

// noteEnd finds out whether the session that is about to be saved ends later than
// it did.
func (v *visit) noteEnd(ctx context.Context) {
	var prolonged Owner
	if deadline := v.m.SessionManager.Deadline(ctx); deadline.After(v.was.deadline) {
		user, l := v.login(ctx)
		prolonged = owner(user, l, deadline)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.prolonged = prolonged
}

// see notes that a session is about to be saved.
func (v *visit) see(ctx context.Context) {
	if v.request == nil {
		return // nobody is there
	}
	_, l := v.login(ctx)
	if now := time.Now().Unix(); l.ID != "" && now-l.Seen >= int64(seenEvery/time.Second) {
		l.Seen = now
		v.m.SessionManager.Put(ctx, loginKey, l.text())
	}
}

// userHash is under what an Indexer knows a user.
func userHash(userID string) string {
	sum := sha256.Sum256([]byte("echoic user\x00" + userID))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
