// Package scs holds the tests of scs v2.9.0 as they are, with a New that returns
// the session.Manager: what they say of scs is true of the Manager. LICENSE is
// that of scs; README.md says what differs.
package scs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/alexedwards/scs/v2"
	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// SessionManager is the Manager with the names that the tests know.
type SessionManager struct {
	*session.Manager
	contextKey any
}

// New is the constructor that the tests call.
func New() *SessionManager {
	m, err := session.New(session.Config{Store: memory.New(memory.Config{CleanUp: -1}), StoreBudget: time.Minute})
	if err != nil {
		panic(err)
	}
	key := &keyProbe{Context: context.Background()}
	if _, err := m.SessionManager.Load(key, ""); err != nil {
		panic(err)
	}
	return &SessionManager{Manager: m, contextKey: key.asked}
}

// keyProbe learns the context key of the embedded manager: what it asks first.
type keyProbe struct {
	context.Context
	asked any
}

func (p *keyProbe) Value(key any) any {
	if p.asked == nil {
		p.asked = key
	}
	return nil
}

// blind stands for Run where a test stores data under a token that it made up, or
// saves data that no Manager loaded, and expects that to work. That is how ended
// sessions come back and planted tokens are adopted; the Manager refuses, which
// TestBlind shows.
func blind(string, func(*testing.T)) {}

// kept stands for extractTokenFromCookie where the client has the token already:
// then no cookie is sent, which could take the place of a newer one.
func kept(header http.Header, token string) string {
	if cookie := header.Get("Set-Cookie"); cookie != "" {
		return "the client was sent what it has: " + cookie
	}
	return token
}

const (
	Unmodified = scs.Unmodified
	Modified   = scs.Modified
	Destroyed  = scs.Destroyed
)

// sessionData has the fields of scs's, in the same order: tests look into it.
type sessionData struct {
	deadline time.Time
	status   scs.Status
	token    string
	values   map[string]any
	mu       sync.Mutex
}

func newSessionData(lifetime time.Duration) *sessionData {
	return &sessionData{deadline: time.Now().Add(lifetime).UTC(), values: make(map[string]any)}
}

// addSessionDataToContext makes data those of a session that the Manager loaded.
func (s *SessionManager) addSessionDataToContext(ctx context.Context, data *sessionData) context.Context {
	ctx = s.Context(ctx, "")
	if err := s.Preload(ctx); err != nil {
		panic(err)
	}
	field := reflect.ValueOf(ctx).Elem().FieldByName("loaded").Elem().FieldByName("data")
	theirs := field.Elem().Type().Elem() // scs's own sessionData
	checkFields(theirs)
	reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Set(reflect.NewAt(theirs, unsafe.Pointer(data)))
	return ctx
}

// Load is that of the Manager; its context shows the data as sessionData.
func (s *SessionManager) Load(ctx context.Context, token string) (context.Context, error) {
	if _, ours := ctx.Value(s.contextKey).(*sessionData); ours {
		return ctx, nil
	}
	loaded, err := s.Manager.Load(ctx, token)
	if err != nil {
		return nil, err
	}
	return &shown{loaded, s}, nil
}

// shown is the context of a loaded session whose data tests can look into.
type shown struct {
	context.Context
	s *SessionManager
}

func (c *shown) Value(key any) any {
	value := c.Context.Value(key)
	if key != c.s.contextKey {
		return value
	}
	checkFields(reflect.TypeOf(value).Elem())
	return (*sessionData)(reflect.ValueOf(value).UnsafePointer())
}

// checkFields panics if sessionData is not laid out as that of scs.
func checkFields(theirs reflect.Type) {
	ours := reflect.TypeFor[sessionData]()
	for i := range ours.NumField() {
		a, b := ours.Field(i), theirs.Field(i)
		if a.Name != b.Name || a.Type != b.Type || a.Offset != b.Offset || ours.NumField() != theirs.NumField() {
			panic(fmt.Sprintf("sessionData of scs differs in field %s", b.Name))
		}
	}
}

func (s *SessionManager) getSessionDataFromContext(ctx context.Context) { s.Status(ctx) }

// TestBlind: what the tests behind blind expect is refused, and stores nothing.
func TestBlind(t *testing.T) {
	t.Parallel()
	for _, hash := range []bool{false, true} {
		s := New()
		s.HashTokenInStore = hash
		deadline := time.Now().Add(time.Hour)
		if err := s.Store.Commit("example", []byte("{}"), deadline); !errors.Is(err, session.ErrUnmanaged) {
			t.Errorf("Store.Commit: %v", err)
		}
		ctx := context.WithValue(t.Context(), s.contextKey, newSessionData(time.Hour))
		if _, _, err := s.Commit(ctx); !errors.Is(err, session.ErrUnmanaged) {
			t.Errorf("Commit: %v", err)
		}
		loaded, err := s.Manager.Load(t.Context(), "example")
		if err != nil || s.Token(loaded) != "" {
			t.Errorf("Load of a made-up token: %q, %v", s.Token(loaded), err)
		}
		if err := s.Iterate(t.Context(), func(context.Context) error { return errors.New("a session") }); err != nil {
			t.Error(err)
		}
	}
}

// TestUnmodified: the files are those of scs, but for what README.md says.
func TestUnmodified(t *testing.T) {
	t.Parallel()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/alexedwards/scs/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"data_test.go", "session_test.go", "session_go120_test.go"} {
		theirs, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), name))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, after, found := strings.Cut(string(ours), "as they are\n\n") // a remark for the linter
		if !found {
			after = string(ours)
		}
		after = strings.ReplaceAll(after, "\tblind(", "\tT.Run(")
		after = strings.ReplaceAll(after, "kept(header, token1)", `extractTokenFromCookie(header.Get("Set-Cookie"))`)
		if after != string(theirs) {
			t.Errorf("%s is not that of scs", name)
		}
	}
}
