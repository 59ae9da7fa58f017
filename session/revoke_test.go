package session_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/memory"
)

// indexed is a probe that knows whose sessions it keeps.
type indexed struct {
	*probe
	session.Indexer
}

func newIndexed(t *testing.T, cfg session.Config) (*session.Manager, *indexed) {
	t.Helper()
	p := newProbe(t)
	s := &indexed{p, p.Store.(*memory.Store)}
	cfg.Store, cfg.StoreBudget = s, time.Minute // the clock decides nothing here
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

// enter logs a user in and returns his token.
func enter(t *testing.T, m *session.Manager, user string) string {
	t.Helper()
	ctx := m.Context(t.Context(), "")
	if err := m.Login(ctx, user); err != nil {
		t.Fatal(err)
	}
	token, _, err := m.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestRevokeIsInTheJournalFirst(t *testing.T) {
	t.Parallel()
	journal := &book{}
	m, store := newIndexed(t, session.Config{Journal: journal, HashTokens: true})
	tokens := []string{enter(t, m, "ann"), enter(t, m, "ann")}
	enter(t, m, "bob")
	journal.list, journal.applied = nil, 0
	writes := store.writes.Load()
	journal.onEntry = func() {
		if now := store.writes.Load(); now != writes {
			t.Errorf("the store was told before the journal: %d writes", now-writes)
		}
	}
	if n, err := m.Revoke(t.Context(), "ann"); n != 2 || err != nil {
		t.Fatalf("Revoke: %d, %v", n, err)
	}
	if len(journal.list) != 2 || journal.applied != 1 {
		t.Errorf("journal: %v, told %d times", journal.list, journal.applied)
	}
	for _, i := range journal.list {
		if i.Kind != cache.InvalidSession || slices.Contains(tokens, i.Name) {
			t.Errorf("journal: %v, want ended sessions by their hash", i)
		}
	}
}

func TestNobodyRevokesWithoutTheJournal(t *testing.T) {
	t.Parallel()
	journal := &book{failing: true}
	m, _ := newIndexed(t, session.Config{Journal: journal})
	token := enter(t, m, "ann")
	var failed *session.StoreError
	if _, err := m.Revoke(t.Context(), "ann"); !errors.As(err, &failed) {
		t.Errorf("Revoke: %v, want a *StoreError", err)
	}
	journal.failing = false
	if got := m.UserID(m.Context(t.Context(), token)); got != "ann" {
		t.Errorf("the session is gone although its end was not acknowledged")
	}
}

// TestRevokeIsAcknowledgedWithTheStoreAway: a store that knows whose sessions are
// whose and cannot remove them is told by the journal.
func TestRevokeIsAcknowledgedWithTheStoreAway(t *testing.T) {
	t.Parallel()
	journal := &book{}
	m, store := newIndexed(t, session.Config{Journal: journal})
	token := enter(t, m, "ann")
	journal.applied = 0
	store.readOnly.Store(true)
	if n, err := m.Revoke(t.Context(), "ann"); n != 1 || err != nil {
		t.Fatalf("Revoke: %d, %v: what is in the journal is acknowledged", n, err)
	}
	if len(journal.list) != 1 || journal.applied != 0 {
		t.Errorf("journal: %v, told %d times: want it pending", journal.list, journal.applied)
	}
	if got := m.UserID(m.Context(t.Context(), token)); got != "" {
		t.Errorf("user %q, want none", got)
	}
	if list, err := m.UserSessions(t.Context(), "ann"); len(list) != 0 || err != nil {
		t.Errorf("UserSessions: %v, %v", list, err)
	}
}

func TestRevokeWithoutIndex(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{})
	ctx := m.Context(t.Context(), enter(t, m, "ann"))
	_, list := m.UserSessions(ctx, "ann")
	_, one := m.Revoke(ctx, "ann")
	_, others := m.RevokeOthers(ctx)
	for call, err := range map[string]error{"UserSessions": list, "Revoke": one, "RevokeOthers": others} {
		if err == nil || !strings.Contains(err.Error(), "session.Indexer") {
			t.Errorf("%s on a store without an index: %v", call, err)
		}
	}
	if _, err := m.Revoke(ctx, ""); err == nil {
		t.Error("Revoke of nobody succeeds")
	}
	if _, err := m.RevokeOthers(m.Context(t.Context(), "")); err == nil {
		t.Error("RevokeOthers of nobody succeeds")
	}
}

// TestUserSessionIsBounded: what clients say of themselves is short and harmless
// to terminals.
func TestUserSessionIsBounded(t *testing.T) {
	t.Parallel()
	m, _ := newIndexed(t, session.Config{Address: func(r *http.Request) string { return strings.Repeat("9", 500) }})
	m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := m.Login(r.Context(), "ann"); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(discard{}, &http.Request{Method: http.MethodGet, Header: http.Header{"User-Agent": {"\x1b[31m<b>" + strings.Repeat("é", 500)}}})
	list, err := m.UserSessions(t.Context(), "ann")
	if err != nil || len(list) != 1 {
		t.Fatalf("UserSessions: %v, %v", list, err)
	}
	if u := list[0]; len(u.UserAgent) > 256 || len(u.Address) > 64 || !strings.HasPrefix(u.UserAgent, "[31m<b>é") {
		t.Errorf("got %q from %q", u.UserAgent, u.Address)
	}
}

// discard is a response that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// TestLastSeen: it follows touches, which write no data, at most once in a tenth of
// the idle timeout.
func TestLastSeen(t *testing.T) {
	t.Parallel()
	m, store := newIndexed(t, session.Config{IdleTimeout: time.Hour})
	token := enter(t, m, "ann")
	read := func() {
		ask(m, token, func(_ http.ResponseWriter, r *http.Request) { m.UserID(r.Context()) })
	}
	writes := store.writes.Load()
	for range 5 {
		read()
	}
	if n := store.writes.Load() - writes; n != 0 {
		t.Errorf("%d writes for reads", n)
	}
	// As if it had been used half an hour ago.
	move := func(left time.Duration) {
		if _, err := store.Store.Update(context.Background(), token, session.Record{Expiry: time.Now().Add(left)}); err != nil {
			t.Fatal(err)
		}
	}
	move(30 * time.Minute)
	seen := func() time.Time {
		list, err := m.UserSessions(t.Context(), "ann")
		if err != nil || len(list) != 1 {
			t.Fatalf("UserSessions: %v, %v", list, err)
		}
		return list[0].LastSeen
	}
	move(2 * time.Hour) // as if it were used in an hour
	if ahead := time.Until(seen()); ahead < 59*time.Minute || ahead > 61*time.Minute {
		t.Errorf("last seen in %v, want an hour", ahead)
	}
}

// TestMergeOfAUser: who takes over the session of a user gets a new token, as
// after a login, and no other user's.
func TestMergeOfAUser(t *testing.T) {
	t.Parallel()
	m, _ := newIndexed(t, session.Config{})
	ann, bob, nobody := enter(t, m, "ann"), enter(t, m, "bob"), start(t, m)
	if err := m.MergeSession(m.Context(t.Context(), bob), ann); err == nil {
		t.Error("the session of another user was merged")
	}
	ctx := m.Context(t.Context(), nobody)
	if err := m.MergeSession(ctx, ann); err != nil {
		t.Fatal(err)
	}
	token, _, err := m.Commit(ctx)
	if err != nil || token == nobody || m.UserID(ctx) != "ann" || m.GetString(ctx, "k") != "v" {
		t.Errorf("after the merge: the same token: %v, user %q, %v", token == nobody, m.UserID(ctx), err)
	}
	if list, err := m.UserSessions(t.Context(), "ann"); len(list) != 1 || err != nil {
		t.Errorf("UserSessions: %v, %v", list, err)
	}
	if n, err := m.Revoke(t.Context(), "ann"); n != 1 || err != nil {
		t.Errorf("Revoke: %d, %v", n, err)
	}
}

// TestRevokeOthersOfAnEndedSession: who was logged out in another tab at the same
// time still ends the others, as he wanted.
func TestRevokeOthersOfAnEndedSession(t *testing.T) {
	t.Parallel()
	m, store := newIndexed(t, session.Config{})
	own := enter(t, m, "ann")
	enter(t, m, "ann")
	ctx := m.Context(t.Context(), own)
	m.UserID(ctx)
	if _, err := store.Store.Remove(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if n, err := m.RevokeOthers(ctx); n != 1 || !errors.Is(err, session.ErrSessionGone) {
		t.Errorf("RevokeOthers: %d, %v", n, err)
	}
	if list, err := m.UserSessions(t.Context(), "ann"); len(list) != 0 || err != nil {
		t.Errorf("UserSessions: %v, %v", list, err)
	}
}

// hanging is an index that does not answer.
type hanging struct {
	*probe
	session.Indexer
}

func (hanging) Owned(ctx context.Context, _ string) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		<-ctx.Done()
		yield(session.Entry{}, ctx.Err())
	}
}

func TestUserSessionsDoesNotHang(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	m, err := session.New(session.Config{Store: hanging{p, p.Store.(*memory.Store)}, Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var failed *session.StoreError
	if _, err := m.UserSessions(t.Context(), "ann"); !errors.As(err, &failed) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("UserSessions: %v", err)
	}
	if _, err := m.Revoke(t.Context(), "ann"); !errors.As(err, &failed) {
		t.Errorf("Revoke: %v", err)
	}
}

// unhurried is an index whose removals take a while.
type unhurried struct {
	*probe
	session.Indexer
}

func (u unhurried) Remove(ctx context.Context, key string) (bool, error) {
	within, done, ok := cache.Spend(ctx) // as the Redis store does
	if !ok {
		return false, errAway
	}
	defer done()
	select {
	case <-time.After(time.Millisecond):
	case <-within.Done():
		return false, within.Err()
	}
	return u.probe.Remove(ctx, key)
}

// TestRevokeHasNoBudget: however many sessions there are, all end.
func TestRevokeHasNoBudget(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	store := unhurried{p, p.Store.(*memory.Store)}
	m, err := session.New(session.Config{Store: store, StoreBudget: 5 * time.Millisecond, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	patient, err := session.New(session.Config{Store: store, StoreBudget: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		enter(t, patient, "ann")
	}
	m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n, err := m.Revoke(r.Context(), "ann"); n != 50 || err != nil {
			t.Errorf("Revoke: %d, %v", n, err)
		}
	})).ServeHTTP(discard{}, &http.Request{Method: http.MethodPost, Header: http.Header{}})
}
