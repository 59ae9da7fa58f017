package sessiontest_test

import (
	"context"
	"iter"
	"math"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/memory"
	"github.com/echoic-go/echoic/session/sessiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mutant is a store whose calls can be replaced.
type mutant struct {
	*memory.Store
	mu     sync.Mutex // makes a Swap of two calls one
	fetch  func(ctx context.Context, key string) (session.Record, bool, error)
	insert func(ctx context.Context, key string, rec session.Record) (bool, error)
	update func(ctx context.Context, key string, rec session.Record) (bool, error)
	remove func(ctx context.Context, key string) (bool, error)
	each   func(ctx context.Context) iter.Seq2[session.Entry, error]
}

func (m *mutant) Fetch(ctx context.Context, key string) (session.Record, bool, error) {
	return m.fetch(ctx, key)
}

func (m *mutant) Insert(ctx context.Context, key string, rec session.Record) (bool, error) {
	return m.insert(ctx, key, rec)
}

func (m *mutant) Swap(ctx context.Context, key string, old []byte, rec session.Record) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now, found, err := m.Fetch(ctx, key); err != nil || found && string(now.Data) != string(old) {
		return false, err
	}
	return m.update(ctx, key, rec)
}

func (m *mutant) Update(ctx context.Context, key string, rec session.Record) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.update(ctx, key, rec)
}

func (m *mutant) Remove(ctx context.Context, key string) (bool, error) { return m.remove(ctx, key) }

func (m *mutant) Each(ctx context.Context) iter.Seq2[session.Entry, error] { return m.each(ctx) }

// flaws are those of stores in the wild, and the check that must find each.
var flaws = map[string]struct {
	check string
	make  func(*mutant)
}{
	"upsert": {"Ended/a_slow_writer_does_not_bring_an_ended_session_back", func(m *mutant) {
		m.update = func(ctx context.Context, key string, rec session.Record) (bool, error) {
			if ok, err := m.Store.Update(ctx, key, rec); ok || err != nil || rec.Data == nil {
				return ok, err
			}
			return m.Store.Insert(ctx, key, rec)
		}
	}},
	"touch that revives": {"Ended/a_slow_reader_does_not_bring_an_ended_session_back", func(m *mutant) {
		last := make(map[string]session.Record)
		m.fetch = func(ctx context.Context, key string) (session.Record, bool, error) {
			rec, found, err := m.Store.Fetch(ctx, key)
			if found {
				last[key] = rec
			}
			return rec, found, err
		}
		m.update = func(ctx context.Context, key string, rec session.Record) (bool, error) {
			if rec.Data == nil {
				_, _ = m.Store.Insert(ctx, key, session.Record{Data: last[key].Data, Expiry: rec.Expiry})
			}
			return m.Store.Update(ctx, key, rec)
		}
	}},
	"delete without report": {"Ended/a_renewal_does_not_bring_an_ended_session_back", func(m *mutant) {
		m.remove = func(ctx context.Context, key string) (bool, error) {
			_, err := m.Store.Remove(ctx, key)
			return true, err
		}
	}},
	"update in two steps": {"Concurrency/an_update_never_brings_back_what_is_removed_at_the_same_time", func(m *mutant) {
		m.update = func(ctx context.Context, key string, rec session.Record) (bool, error) {
			old, found, err := m.Store.Fetch(ctx, key)
			if !found || err != nil {
				return false, err
			}
			if rec.Data == nil {
				rec.Data = old.Data
			}
			time.Sleep(time.Millisecond) // widens the gap that is to be found
			_, _ = m.Store.Remove(ctx, key)
			return m.Store.Insert(ctx, key, rec)
		}
	}},
	"insert that overwrites": {"Store/insert_never_overwrites", func(m *mutant) {
		m.insert = func(ctx context.Context, key string, rec session.Record) (bool, error) {
			_, _ = m.Store.Remove(ctx, key)
			return m.Store.Insert(ctx, key, rec)
		}
	}},
	"no expiry": {"Expiry/what_has_expired_is_not_found", func(m *mutant) {
		m.insert = func(ctx context.Context, key string, rec session.Record) (bool, error) {
			rec.Expiry = rec.Expiry.Add(time.Hour)
			return m.Store.Insert(ctx, key, rec)
		}
	}},
	"first page only": {"Lister/every_live_session_is_listed_on_every_server", func(m *mutant) {
		m.each = func(ctx context.Context) iter.Seq2[session.Entry, error] {
			return func(yield func(session.Entry, error) bool) {
				n := 0
				for entry, err := range m.Store.Each(ctx) {
					if n++; n > 1000 || !yield(entry, err) {
						return
					}
				}
			}
		}
	}},
	"deaf to the context": {"Store/an_ended_context_ends_the_call", func(m *mutant) {
		m.fetch = func(_ context.Context, key string) (session.Record, bool, error) {
			return m.Store.Fetch(context.Background(), key)
		}
	}},
	"deaf to revocations":     {"Index/a_revoked_login_cannot_be_inserted", forgetStamp},
	"revocations, index only": {"Revoke/random_schedules", forgetStamp},
	"not indexed": {"Index/the_sessions_of_a_user_are_yielded", func(m *mutant) {
		m.insert = func(ctx context.Context, key string, rec session.Record) (bool, error) {
			rec.Owner = session.Owner{}
			return m.Store.Insert(ctx, key, rec)
		}
	}},
	"schedules, upsert": {"Schedules", func(m *mutant) {
		m.update = func(ctx context.Context, key string, rec session.Record) (bool, error) {
			if ok, err := m.Store.Update(ctx, key, rec); ok || err != nil || rec.Data == nil {
				return ok, err
			}
			return m.Store.Insert(ctx, key, rec)
		}
	}},
}

// forgetStamp indexes, but does not ask what was revoked.
func forgetStamp(m *mutant) {
	m.insert = func(ctx context.Context, key string, rec session.Record) (bool, error) {
		if rec.Owner.User != "" {
			rec.Owner.Since, rec.Owner.Login = math.MaxInt64, "other"
		}
		return m.Store.Insert(ctx, key, rec)
	}
}

const flawVariable = "SESSIONTEST_FLAW"

// TestFlawed is the suite on a store with the flaw that the environment names,
// for TestMutants.
func TestFlawed(t *testing.T) {
	flaw := flaws[os.Getenv(flawVariable)]
	sessiontest.Run(t, func(t *testing.T) (a, b session.Store) {
		rows := memory.New(memory.Config{CleanUp: -1})
		t.Cleanup(func() { _ = rows.Close() })
		m := &mutant{Store: rows, fetch: rows.Fetch, insert: rows.Insert, update: rows.Update, remove: rows.Remove, each: rows.Each}
		if flaw.make != nil {
			flaw.make(m)
		}
		return m, m
	})
}

// TestMutants: the suite finds each flaw. It runs in other processes, since a
// test that fails cannot be a success.
func TestMutants(t *testing.T) {
	t.Parallel()
	for name, flaw := range flaws {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFlawed$/"+flaw.check, "-test.timeout", "1m")
			cmd.Env = append(os.Environ(), flawVariable+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "rule broken") && !strings.Contains(string(out), "not within") && !strings.Contains(string(out), "want nothing") && !strings.Contains(string(out), "want \"") {
				t.Errorf("%s does not find it: %v\n%s", flaw.check, err, out)
			}
		})
	}
}
