package memory_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/memory"
	"github.com/echoic-go/echoic/session/sessiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	sessiontest.Run(t, func(t *testing.T) (a, b session.Store) {
		s := memory.New(memory.Config{})
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s, s
	})
}

func TestCleanUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(memory.Config{CleanUp: time.Minute})
		defer s.Close()
		for n := range 10 {
			rec := session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Duration(n) * 20 * time.Second)}
			if _, err := s.Insert(t.Context(), fmt.Sprint(n), rec); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(61 * time.Second) // of the bubble's clock
		synctest.Wait()
		if n, err := s.Purge(t.Context()); n != 0 || err != nil {
			t.Errorf("Purge finds %d expired sessions (%v) that the clean-up has left", n, err)
		}
		if _, found, _ := s.Fetch(t.Context(), "9"); !found {
			t.Error("a live session was removed")
		}
	})
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s := memory.New(memory.Config{})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := s.Fetch(t.Context(), "k")
	if !errors.Is(err, session.ErrClosed) {
		t.Errorf("Fetch after Close: %v, want ErrClosed", err)
	}
}

func Example() {
	store := memory.New(memory.Config{})
	defer store.Close()
	sessions, err := session.New(session.Config{Store: store, StoreBudget: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := sessions.Context(context.Background(), "")
	sessions.Put(ctx, "message", "hello")
	token, _, err := sessions.Commit(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	later := sessions.Context(context.Background(), token)
	fmt.Println(sessions.GetString(later, "message"))
	// Output: hello
}
