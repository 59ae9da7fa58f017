package session_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/session"
)

// book is a journal that remembers, and fails when it is told to.
type book struct {
	failing bool
	list    []cache.Invalidation
	applied int
	onEntry func()
}

var errTorn = errors.New("the journal is away")

func (b *book) Append(_ context.Context, list ...cache.Invalidation) (cache.Receipt, error) {
	if b.failing {
		return cache.Receipt{}, errTorn
	}
	if b.onEntry != nil {
		b.onEntry()
	}
	b.list = append(b.list, list...)
	return cache.Receipt{First: int64(len(b.list)), Last: int64(len(b.list))}, nil
}

func (b *book) Applied(context.Context, cache.Receipt) { b.applied++ }

func logout(m *session.Manager) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := m.Logout(r.Context()); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
}

func TestLogoutIsInTheJournalFirst(t *testing.T) {
	t.Parallel()
	journal := &book{}
	m, store := newManager(t, session.Config{Journal: journal, HashTokens: true})
	token := start(t, m)
	writes := store.writes.Load()
	journal.onEntry = func() {
		if now := store.writes.Load(); now != writes {
			t.Errorf("the store was told before the journal: %d writes", now-writes)
		}
	}
	if got := ask(m, token, logout(m)).StatusCode; got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	if len(journal.list) != 1 || journal.list[0].Kind != cache.InvalidSession || journal.list[0].Name == token {
		t.Errorf("journal: %v, want one ended session by its hash", journal.list)
	}
	if journal.applied != 1 {
		t.Errorf("the journal heard %d times that the store was told, want once", journal.applied)
	}
}

func TestRenewalIsInTheJournal(t *testing.T) {
	t.Parallel()
	journal := &book{}
	m, _ := newManager(t, session.Config{Journal: journal})
	token := start(t, m)
	ask(m, token, func(_ http.ResponseWriter, r *http.Request) {
		if err := m.RenewToken(r.Context()); err != nil {
			t.Errorf("RenewToken: %v", err)
		}
	})
	if !slices.ContainsFunc(journal.list, func(i cache.Invalidation) bool { return i.Kind == cache.InvalidSession }) {
		t.Errorf("journal: %v, want the old token's session", journal.list)
	}
}

func TestNobodyLogsOutWithoutTheJournal(t *testing.T) {
	t.Parallel()
	journal := &book{failing: true}
	m, _ := newManager(t, session.Config{Journal: journal})
	token := start(t, m)
	if got := ask(m, token, logout(m)).StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", got)
	}
	journal.failing = false
	ask(m, token, func(_ http.ResponseWriter, r *http.Request) {
		if m.GetString(r.Context(), "k") != "v" {
			t.Error("the session is gone although its end was not acknowledged")
		}
	})
}

func TestLogoutIsAcknowledgedWithTheStoreAway(t *testing.T) {
	t.Parallel()
	journal := &book{}
	m, store := newManager(t, session.Config{Journal: journal})
	token := start(t, m)
	got := ask(m, token, func(w http.ResponseWriter, r *http.Request) {
		_ = m.GetString(r.Context(), "k") // it is loaded, and then the store goes
		store.failing.Store(true)
		logout(m)(w, r)
	}).StatusCode
	if got != http.StatusOK {
		t.Errorf("status %d: what is in the journal is acknowledged", got)
	}
	if len(journal.list) != 1 || journal.applied != 0 {
		t.Errorf("journal: %v, told %d times: want it pending", journal.list, journal.applied)
	}
}

// A store that can be read but not written to still has the session.
func TestEndedSessionIsNotFound(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, m *session.Manager, store *probe, token string){
		"by this server": func(t *testing.T, m *session.Manager, store *probe, token string) {
			ask(m, token, func(w http.ResponseWriter, r *http.Request) {
				_ = m.GetString(r.Context(), "k")
				store.readOnly.Store(true)
				logout(m)(w, r)
			})
		},
		"by another one": func(t *testing.T, m *session.Manager, store *probe, token string) {
			store.readOnly.Store(true)
			m.Observe(t.Context(), []cache.Invalidation{{Kind: cache.InvalidTag, Name: "x"}, {Kind: cache.InvalidSession, Name: token}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, store := newManager(t, session.Config{Journal: &book{}})
			token, other := start(t, m), start(t, m)
			end(t, m, store, token)
			for cookie, want := range map[string]string{token: "", other: "v"} {
				ask(m, cookie, func(_ http.ResponseWriter, r *http.Request) {
					if got := m.GetString(r.Context(), "k"); got != want {
						t.Errorf("the session holds %q, want %q", got, want)
					}
				})
			}
		})
	}
}

// TestDatabaseStillHasIt: with a database behind it the journal alone does not end
// a session: nobody would tell the database when it is back.
func TestDatabaseStillHasIt(t *testing.T) {
	t.Parallel()
	rows := &failingDatabase{}
	p := newProbe(t)
	rows.probe = p
	m, err := session.New(session.Config{Store: rows, Journal: &book{}})
	if err != nil {
		t.Fatal(err)
	}
	token := start(t, m)
	p.readOnly.Store(true)
	if w := ask(m, token, func(_ http.ResponseWriter, r *http.Request) { panicOn(m.Logout(r.Context())) }); w.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a logout that the database did not take: %d, want 503", w.StatusCode)
	}
	p.readOnly.Store(false)
	if got := m.GetString(m.Context(t.Context(), token), "k"); got != "v" {
		t.Errorf("k is %q: it ended although that was not acknowledged, and would be back after a restart", got)
	}
	if w := ask(m, token, logout(m)); w.StatusCode != http.StatusOK {
		t.Errorf("the second try: %d", w.StatusCode)
	}
	if got := m.GetString(m.Context(t.Context(), token), "k"); got != "" {
		t.Errorf("after it k is %q", got)
	}
}

type failingDatabase struct{ *probe }

func (failingDatabase) Deliberate() {}
